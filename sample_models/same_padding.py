"""TensorFlow's ``SAME`` padding, with strides and dilation, for convolution, pooling and transposed convolution.

    convinspect summary sample_models/same_padding.py --input 3,32,32

The output of n has ``ceil(n / stride)`` elements, whatever the kernel, and what is missing is padded half before and
half after, the odd one *after*. PyTorch pads evenly, so nets brought over from TensorFlow call ``F.pad`` first:

    down     n = 32, kernel 3, stride 2      16 out, span 15 x 2 + 3 = 33: 0 before, 1 after
    atrous   n = 16, kernel 3, dilation 2    16 out, span 15 + 5     = 20: 2 before, 2 after
    pool     n = 16, kernel 3, stride 2       8 out, span  7 x 2 + 3 = 17: 0 before, 1 after
    up1      n =  8, kernel 3, stride 2      16 out, of 7 x 2 + 3 = 17: 0 cut before, 1 after
    up2      n = 16, kernel 4, stride 2      32 out, of 15 x 2 + 4 = 34: 1 cut before, 1 after

So output 0 of ``down`` begins at pixel 0, where ``padding=1`` would begin at -1: the whole map sits one pixel
elsewhere. For an odd n, 31 say, the same layer pads 1 before and 1 after.
"""

from torch import Tensor, nn


class SameConv2d(nn.Module):
    """A convolution of ``ceil(n / stride)`` outputs; the padding is zeros."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int, *, stride: int = 1, dilation: int = 1
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = stride
        self.dilation = dilation
        self.conv = nn.Conv2d(in_channels, out_channels, kernel_size, stride, dilation=dilation)

    def forward(self, x: Tensor) -> Tensor:
        """Return ``(N, out_channels, ceil(H / stride), ceil(W / stride))``."""
        return self.conv(_pad(x, self.kernel_size, self.stride, self.dilation, 0.0))


class SameMaxPool2d(nn.Module):
    """A max pool of ``ceil(n / stride)`` outputs; the padding never wins."""

    def __init__(self, kernel_size: int, *, stride: int, dilation: int = 1) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = stride
        self.dilation = dilation

    def forward(self, x: Tensor) -> Tensor:
        """Return ``(N, C, ceil(H / stride), ceil(W / stride))``."""
        x = _pad(x, self.kernel_size, self.stride, self.dilation, -float("inf"))
        return nn.functional.max_pool2d(x, self.kernel_size, self.stride, dilation=self.dilation)


class SameConvTranspose2d(nn.Module):
    """A transposed convolution of ``n * stride`` outputs: the adjoint of ``SameConv2d``."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int, *, stride: int, dilation: int = 1
    ) -> None:
        super().__init__()
        span = dilation * (kernel_size - 1) + 1
        self.stride = stride
        self.before = max(span - stride, 0) // 2
        self.conv = nn.ConvTranspose2d(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            # A kernel that is narrower than its stride reaches no further than its own span.
            output_padding=max(stride - span, 0),
            dilation=dilation,
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return ``(N, out_channels, H * stride, W * stride)``."""
        height, width = x.size(2) * self.stride, x.size(3) * self.stride
        full = self.conv(x)
        return full[:, :, self.before : self.before + height, self.before : self.before + width]


class SamePadding(nn.Module):
    """A strided and an atrous convolution, a pool, and two transposed convolutions back to full size."""

    def __init__(self) -> None:
        super().__init__()
        self.down = SameConv2d(3, 8, 3, stride=2)
        self.atrous = SameConv2d(8, 8, 3, dilation=2)
        self.pool = SameMaxPool2d(3, stride=2)
        self.up1 = SameConvTranspose2d(8, 8, 3, stride=2)
        self.up2 = SameConvTranspose2d(8, 3, 4, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        """Return ``(N, 3, H, W)``, with H and W rounded up to multiples of 4."""
        x = nn.functional.relu(self.down(x))
        x = self.pool(nn.functional.relu(self.atrous(x)))
        return self.up2(nn.functional.relu(self.up1(x)))


def _pad(x: Tensor, kernel_size: int, stride: int, dilation: int, value: float) -> Tensor:
    height = _missing(x.size(2), kernel_size, stride, dilation)
    width = _missing(x.size(3), kernel_size, stride, dilation)
    sides = [width // 2, width - width // 2, height // 2, height - height // 2]
    return nn.functional.pad(x, sides, value=value)


def _missing(n: int, kernel_size: int, stride: int, dilation: int) -> int:
    outputs = (n + stride - 1) // stride
    return max((outputs - 1) * stride + dilation * (kernel_size - 1) + 1 - n, 0)
