"""One convolution for every argument: how each changes the output, the parameters, the MACs and the field.

    convinspect summary sample_models/conv_arithmetic.py:groups_3 --input 6,32,32
    convinspect summary sample_models/conv_arithmetic.py:stride --arg dims=3 --input 6,8,32,32
    convinspect summary sample_models/conv_arithmetic.py:Convolutions2d --input 6,32,32

A factory gives one convolution, in 1-D, 2-D (unless told otherwise) or 3-D; ``Convolutions1d``,
``Convolutions2d`` and ``Convolutions3d`` run all of them side by side on one input. Along each axis of n,

    out = floor((n + 2 * padding - dilation * (kernel - 1) - 1) / stride) + 1

    groups_1    6 to 6 channels, 1x1, no bias     6 x 6 = 36 parameters
    groups_2                                      6 x 3 = 18
    groups_3                                      6 x 2 = 12
    video       Conv3d(3, 5, (4, 7, 7))           5 x 3 x (4 x 7 x 7) + 5 = 2,945 parameters
                on 3 x 7 x 60 x 40                5 x 4 x 54 x 34 = 36,720 outputs
                                                  36,720 x 3 x (4 x 7 x 7) = 21,591,360 MACs
"""

from typing import Any

from torch import Tensor, nn


def plain(dims: int = 2) -> nn.Module:
    """Return a kernel of 3 along every axis, and nothing else: n - 2 remain."""
    return _conv(dims, 6, 12, 3)


def kernel_tuple(dims: int = 2) -> nn.Module:
    """Return a kernel of 3, 5 and 7: n - 2, n - 4 and n - 6 remain."""
    return _conv(dims, 6, 12, (3, 5, 7)[:dims])


def stride(dims: int = 2) -> nn.Module:
    """Return a stride of 2 along every axis: neighbours in the output are 2 apart in the input."""
    return _conv(dims, 6, 12, 3, stride=2)


def stride_tuple(dims: int = 2) -> nn.Module:
    """Return a stride of 1, 2 and 3."""
    return _conv(dims, 6, 12, 3, stride=(1, 2, 3)[:dims])


def padding(dims: int = 2) -> nn.Module:
    """Return a zero padding of 1 on both sides of every axis: n remain."""
    return _conv(dims, 6, 12, 3, padding=1)


def padding_tuple(dims: int = 2) -> nn.Module:
    """Return a zero padding of 0, 1 and 2: n - 2, n and n + 2 remain."""
    return _conv(dims, 6, 12, 3, padding=(0, 1, 2)[:dims])


def padding_same(dims: int = 2) -> nn.Module:
    """Return a kernel of 5 with a tap every 2 and ``padding="same"``: 4 zeros on both sides."""
    return _conv(dims, 6, 12, 5, dilation=2, padding="same")


def padding_reflect(dims: int = 2) -> nn.Module:
    """Return a convolution that mirrors the input at its borders."""
    return _conv(dims, 6, 12, 3, padding=1, padding_mode="reflect")


def padding_replicate(dims: int = 2) -> nn.Module:
    """Return a convolution that repeats the input's border."""
    return _conv(dims, 6, 12, 3, padding=1, padding_mode="replicate")


def padding_circular(dims: int = 2) -> nn.Module:
    """Return a convolution that wraps around: the first output sees the last input."""
    return _conv(dims, 6, 12, 3, padding=1, padding_mode="circular")


def dilation(dims: int = 2) -> nn.Module:
    """Return a kernel of 3 with a tap every 2: it spans 5, and n - 4 remain."""
    return _conv(dims, 6, 12, 3, dilation=2)


def dilation_tuple(dims: int = 2) -> nn.Module:
    """Return a dilation of 1, 2 and 3: n - 2, n - 4 and n - 6 remain."""
    return _conv(dims, 6, 12, 3, dilation=(1, 2, 3)[:dims])


def no_bias(dims: int = 2) -> nn.Module:
    """Return ``plain`` without its bias: 12 parameters fewer, the same MACs."""
    return _conv(dims, 6, 12, 3, bias=False)


def groups_1(dims: int = 2) -> nn.Module:
    """Return 6 to 6 channels, each from all 6: 36 weights."""
    return _conv(dims, 6, 6, 1, bias=False)


def groups_2(dims: int = 2) -> nn.Module:
    """Return 6 to 6 channels, each from 3: 18 weights."""
    return _conv(dims, 6, 6, 1, groups=2, bias=False)


def groups_3(dims: int = 2) -> nn.Module:
    """Return 6 to 6 channels, each from 2: 12 weights."""
    return _conv(dims, 6, 6, 1, groups=3, bias=False)


def depthwise(dims: int = 2) -> nn.Module:
    """Return one kernel for each channel."""
    return _conv(dims, 6, 6, 3, groups=6)


def depthwise_multiplier(dims: int = 2) -> nn.Module:
    """Return two kernels for each channel."""
    return _conv(dims, 6, 12, 3, groups=6)


def video() -> nn.Module:
    """Return the worked example above: 4 frames of 7 x 7 pixels, for an input ``3,7,60,40``."""
    return nn.Conv3d(3, 5, (4, 7, 7))


class SideBySide(nn.ModuleDict):
    """Every convolution of this file in ``dims`` dimensions, by the name of its factory."""

    def __init__(self, dims: int) -> None:
        factories = (
            *(plain, kernel_tuple, stride, stride_tuple),
            *(padding, padding_tuple, padding_same, padding_reflect, padding_replicate, padding_circular),
            *(dilation, dilation_tuple, no_bias),
            *(groups_1, groups_2, groups_3, depthwise, depthwise_multiplier),
        )
        super().__init__({factory.__name__: factory(dims) for factory in factories})

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Return what each convolution makes of ``x``, ``(N, 6, ...)``."""
        outputs: dict[str, Tensor] = {}
        for name, conv in self.items():
            outputs[name] = conv(x)
        return outputs


class Convolutions1d(SideBySide):
    """Every convolution of this file in 1-D, for an input such as ``6,32``."""

    def __init__(self) -> None:
        super().__init__(1)


class Convolutions2d(SideBySide):
    """Every convolution of this file in 2-D, for an input such as ``6,32,32``."""

    def __init__(self) -> None:
        super().__init__(2)


class Convolutions3d(SideBySide):
    """Every convolution of this file in 3-D, for an input such as ``6,8,32,32``."""

    def __init__(self) -> None:
        super().__init__(3)


def _conv(dims: int, in_channels: int, out_channels: int, kernel_size: Any, **rest: Any) -> nn.Module:
    convolutions = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
    return convolutions[dims](in_channels, out_channels, kernel_size, **rest)
