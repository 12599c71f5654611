"""U-Net: a net whose field depends on where a unit stands.

    convinspect summary sample_models/unet.py --input 3,64,64
    convinspect summary sample_models/unet.py --input 3,64,64 --arg depth=4 --depth 2

Each level down is two 3x3 convolutions and a 2x2 max pool; each level up is a 2x2 transposed convolution with stride 2,
a concatenation with what came down, and two convolutions. H and W must divide by ``2 ** depth``. Every output stands
at jump 1 again, but units of different phase, that is position modulo ``2 ** depth``, sit differently in the coarse
grid that they were upsampled from:

    depth                  1      2          3
    receptive field       18     44     92 or 100, by phase
"""

from itertools import pairwise

import torch
from torch import Tensor, nn


class DoubleConv(nn.Module):
    """Two 3x3 convolutions that keep the size."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, padding=1)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Return ``(N, out_channels, H, W)``."""
        return nn.functional.relu(self.conv2(nn.functional.relu(self.conv1(x))))


class Up(nn.Module):
    """Upsampling by two, and the level's features from the way down beside it."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(in_channels, out_channels, 2, stride=2)
        self.conv = DoubleConv(2 * out_channels, out_channels)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """Return ``(N, out_channels, 2 H, 2 W)``; ``skip`` has that shape too."""
        return self.conv(torch.cat([skip, self.up(x)], dim=1))


class UNet(nn.Module):
    """``depth`` levels down and up again, with ``width`` channels at the top and twice as many on each level."""

    def __init__(self, in_channels: int = 3, num_classes: int = 2, depth: int = 3, width: int = 8) -> None:
        super().__init__()
        widths = [width * 2**level for level in range(depth + 1)]
        self.downs = nn.ModuleList([DoubleConv(above, wide) for above, wide in pairwise([in_channels, *widths[:-1]])])
        self.bottom = DoubleConv(widths[-2], widths[-1])
        self.ups = nn.ModuleList([Up(2 * wide, wide) for wide in reversed(widths[:-1])])
        self.out = nn.Conv2d(width, num_classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return a score for each class and pixel, ``(N, num_classes, H, W)``."""
        skips: list[Tensor] = []
        for down in self.downs:
            x = down(x)
            skips.append(x)
            x = nn.functional.max_pool2d(x, 2)
        x = self.bottom(x)
        for up in self.ups:
            x = up(x, skips.pop())
        return self.out(x)
