"""The tile halo is enough, and no pixel less is: NaN outside it never reaches a tile, NaN at its edge does."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own spelling
from torch import nn

from convinspect import inspect


class UNet(nn.Module):
    """Two convolutions a level, down by pooling and up by transposed convolution, joined by concatenation."""

    def __init__(self, depth: int) -> None:
        super().__init__()
        widths = [1, *(2 for _ in range(depth + 1))]
        self.downs = nn.ModuleList(_double(a, b) for a, b in pairwise(widths))
        self.ups = nn.ModuleList(nn.ConvTranspose2d(2, 2, 2, stride=2) for _ in range(depth))
        self.joins = nn.ModuleList(_double(4, 2) for _ in range(depth))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        skips = []
        for down in self.downs[:-1]:
            skips.append(down(x))
            x = F.max_pool2d(skips[-1], 2)
        x = self.downs[-1](x)
        for up, join in zip(self.ups, self.joins, strict=True):
            x = join(torch.cat([skips.pop(), up(x)], dim=1))
        return x


def _double(inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1), nn.Conv2d(outputs, outputs, 3, padding=1))


def _strided() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 2, 5, stride=2, padding=2), nn.Upsample(scale_factor=4), nn.Conv2d(2, 1, 3))


@pytest.mark.parametrize(
    ("model", "period", "scale"),
    [(UNet(2), 4, 1), (UNet(3), 8, 1), (_strided(), 2, 2)],
    ids=["unet2", "unet3", "strided"],
)
def test_the_halo_is_exactly_what_a_tile_needs(model: nn.Module, period: int, scale: int) -> None:
    model = model.double().eval()
    side, tile = 192, slice(12 * period, 12 * period + 2 * period)
    image = torch.zeros(1, 1, 16, side, dtype=torch.float64)
    field = inspect(model, (image,), optimizer=None).layers[0].receptive_field
    assert field is not None
    assert field.halo is not None
    before, after = field.halo[1] or (0, 0)

    def reaches(*columns: slice | int) -> bool:
        spoiled = image.clone()
        for column in columns:
            spoiled[..., column] = torch.nan
        with torch.no_grad():
            return bool(model(spoiled)[..., scale * tile.start : scale * tile.stop].isnan().any())

    assert not reaches(slice(None, tile.start - before), slice(tile.stop + after, None))
    assert reaches(tile.start - before)
    assert reaches(tile.stop + after - 1)
