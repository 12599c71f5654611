"""Images in patches: Swin Transformer and ConvNeXt."""

from __future__ import annotations

import torch
from torch import Tensor, nn

WINDOW = 7


class Permute(nn.Module):
    """Axes in another order."""

    def __init__(self, *axes: int) -> None:
        super().__init__()
        self.axes = axes

    def forward(self, x: Tensor) -> Tensor:
        return x.permute(self.axes)


class WindowAttention(nn.Module):
    """Attention within windows of 7 by 7, which may be shifted by 3; ``(N, H, W, C)`` stays in shape."""

    def __init__(self, channels: int, heads: int, shift: int) -> None:
        super().__init__()
        self.heads, self.shift = heads, shift
        self.qkv = nn.Linear(channels, 3 * channels)
        self.proj = nn.Linear(channels, channels)
        self.relative_position_bias_table = nn.Parameter(torch.zeros((2 * WINDOW - 1) ** 2, heads))
        places = torch.cartesian_prod(torch.arange(WINDOW), torch.arange(WINDOW))
        apart = places[:, None] - places[None] + WINDOW - 1
        self.register_buffer("relative_position_index", (apart[..., 0] * (2 * WINDOW - 1) + apart[..., 1]).flatten())

    def forward(self, x: Tensor) -> Tensor:
        _, height, width, channels = x.shape
        x = nn.functional.pad(x, (0, 0, 0, -width % WINDOW, 0, -height % WINDOW))
        padded = x.shape
        rows, columns = padded[1] // WINDOW, padded[2] // WINDOW
        # A window as wide as the map has nothing to be shifted to.
        shifts = [self.shift if size > WINDOW else 0 for size in padded[1:3]]
        x = x.roll([-s for s in shifts], (1, 2))
        x = x.view(-1, rows, WINDOW, columns, WINDOW, channels).transpose(2, 3).reshape(-1, WINDOW**2, channels)
        q, k, v = self.qkv(x).view(*x.shape[:2], 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        bias = self.relative_position_bias_table[self.relative_position_index].view(WINDOW**2, WINDOW**2, -1)
        weights = (q * (channels // self.heads) ** -0.5) @ k.transpose(2, 3) + bias.permute(2, 0, 1)
        if any(shifts):
            weights = weights.unflatten(0, (-1, rows * columns)) + self._mask(rows, columns, shifts, x)[:, None]
            weights = weights.flatten(0, 1)
        x = self.proj((weights.softmax(-1) @ v).transpose(1, 2).flatten(2))
        x = x.view(-1, rows, columns, WINDOW, WINDOW, channels).transpose(2, 3).reshape(padded)
        return x.roll(shifts, (1, 2))[:, :height, :width].contiguous()

    @staticmethod
    def _mask(rows: int, columns: int, shifts: list[int], like: Tensor) -> Tensor:
        """Return minus 100 between pixels that only the roll made neighbours."""
        regions = like.new_zeros(rows * WINDOW, columns * WINDOW)
        for i, (top, bottom) in enumerate(((0, -WINDOW), (-WINDOW, -shifts[0]), (-shifts[0], None))):
            for j, (left, right) in enumerate(((0, -WINDOW), (-WINDOW, -shifts[1]), (-shifts[1], None))):
                regions[top:bottom, left:right] = 3 * i + j
        regions = regions.view(rows, WINDOW, columns, WINDOW).transpose(1, 2).reshape(-1, WINDOW**2)
        return (regions[:, None] != regions[:, :, None]).to(like.dtype) * -100


class SwinBlock(nn.Module):
    """Attention and a small network, each with a norm and a shortcut."""

    def __init__(self, channels: int, heads: int, shift: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(channels)
        self.attn = WindowAttention(channels, heads, shift)
        self.norm2 = nn.LayerNorm(channels)
        layers = (nn.Linear(channels, 4 * channels), nn.GELU(), nn.Dropout(0.0), nn.Linear(4 * channels, channels))
        self.mlp = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class PatchMerging(nn.Module):
    """Four neighbours become one with twice the channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.reduction = nn.Linear(4 * channels, 2 * channels, bias=False)
        self.norm = nn.LayerNorm(4 * channels)

    def forward(self, x: Tensor) -> Tensor:
        corners = [x[:, row::2, column::2] for column in (0, 1) for row in (0, 1)]
        return self.reduction(self.norm(torch.cat(corners, -1)))


class SwinT(nn.Module):
    """Swin-T: stages of 2, 2, 6 and 2 blocks, with 3, 6, 12 and 24 heads of 32 channels."""

    def __init__(self) -> None:
        super().__init__()
        stem = nn.Sequential(nn.Conv2d(3, 96, 4, stride=4), Permute(0, 2, 3, 1), nn.LayerNorm(96))
        features: list[nn.Module] = [stem]
        channels = 96
        for depth in (2, 2, 6, 2):
            if len(features) > 1:
                features.append(PatchMerging(channels))
                channels *= 2
            blocks = (SwinBlock(channels, channels // 32, WINDOW // 2 * (block % 2)) for block in range(depth))
            features.append(nn.Sequential(*blocks))
        self.features = nn.Sequential(*features)
        self.norm = nn.LayerNorm(channels)
        self.head = nn.Linear(channels, 1000)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.norm(self.features(x)).mean((1, 2)))


class LayerNorm2d(nn.LayerNorm):
    """Layer norm over the channels of ``(N, C, H, W)``."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class ConvNextBlock(nn.Module):
    """A depthwise 7x7 convolution and two Linear layers over the channels, scaled and added."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.block = nn.Sequential(
            nn.Conv2d(channels, channels, 7, padding=3, groups=channels),
            Permute(0, 2, 3, 1),
            nn.LayerNorm(channels, eps=1e-6),
            nn.Linear(channels, 4 * channels),
            nn.GELU(),
            nn.Linear(4 * channels, channels),
            Permute(0, 3, 1, 2),
        )
        self.layer_scale = nn.Parameter(torch.full((channels, 1, 1), 1e-6))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layer_scale * self.block(x)


class ConvNextTiny(nn.Module):
    """ConvNeXt-T: stages of 3, 3, 9 and 3 blocks."""

    def __init__(self) -> None:
        super().__init__()
        features: list[nn.Module] = [nn.Sequential(nn.Conv2d(3, 96, 4, stride=4), LayerNorm2d(96, eps=1e-6))]
        for channels, depth in ((96, 3), (192, 3), (384, 9), (768, 3)):
            if len(features) > 1:
                halving = nn.Conv2d(channels // 2, channels, 2, stride=2)
                features.append(nn.Sequential(LayerNorm2d(channels // 2, eps=1e-6), halving))
            features.append(nn.Sequential(*(ConvNextBlock(channels) for _ in range(depth))))
        self.features = nn.Sequential(*features)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(LayerNorm2d(768, eps=1e-6), nn.Flatten(1), nn.Linear(768, 1000))

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.avgpool(self.features(x)))
