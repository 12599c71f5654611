"""Dilated convolutions: fields that grow exponentially while the size of the output stays.

    convinspect summary sample_models/dilated.py --input 3,64,64

is the basic context module of Yu and Koltun, "Multi-Scale Context Aggregation by Dilated Convolutions" (2016, table 1).
Each 3x3 layer adds ``2 * dilation`` to the field:

    layer               1    2    3    4    5    6    7    8
    kernel              3    3    3    3    3    3    3    1
    dilation            1    1    2    4    8   16    1    1
    receptive field     3    5    9   17   33   65   67   67

With 3 channels that is 7 x (3 x 3 x 9 + 3) + (3 x 3 + 3) = 600 parameters. A dilated kernel costs what a dense one
does: each layer but the last needs 64 x 64 x 3 x (3 x 9) = 331,776 MACs.

    convinspect summary sample_models/dilated.py:CausalStack --arg kernel_size=2 --arg dilations=1,2,4,8 --input 8,100

is its relative for signals: an output sees itself and the 15 samples before it, and never a later one.
"""

from torch import Tensor, nn


class ContextModule(nn.Module):
    """Seven 3x3 convolutions with dilations 1, 1, 2, 4, 8, 16 and 1, then a 1x1 one."""

    def __init__(self, channels: int = 3) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for dilation in (1, 1, 2, 4, 8, 16, 1):
            layers.append(nn.Conv2d(channels, channels, 3, padding=dilation, dilation=dilation))
            layers.append(nn.ReLU())
        self.layers = nn.Sequential(*layers)
        self.out = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return a map of the shape of ``x``, ``(N, channels, H, W)``."""
        return self.out(self.layers(x))


class CausalStack(nn.Module):
    """A 1-D convolution for each of ``dilations``, padded on the left alone."""

    def __init__(self, kernel_size: int, dilations: tuple[int, ...], channels: int = 8) -> None:
        super().__init__()
        self.pads = nn.ModuleList([nn.ZeroPad1d((d * (kernel_size - 1), 0)) for d in dilations])
        self.convs = nn.ModuleList([nn.Conv1d(channels, channels, kernel_size, dilation=d) for d in dilations])

    def forward(self, x: Tensor) -> Tensor:
        """Return a signal of the shape of ``x``, ``(N, channels, T)``."""
        for pad, conv in zip(self.pads, self.convs, strict=True):
            x = nn.functional.relu(conv(pad(x)))
        return x
