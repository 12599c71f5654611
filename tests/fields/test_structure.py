"""Dependences that are structural, as the package documents: they count although no number shows them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own abbreviation

from .oracle import randn, watch

LOWER = torch.ones(8, 8).tril().bool()


@pytest.mark.parametrize(
    ("function", "status", "center"),
    [
        # With aligned corners output 2 of 5 lies on input 1 of 3: its other tap, input 2, has weight 0.
        (lambda x: F.interpolate(x[..., :3], size=(8, 5), mode="bilinear", align_corners=True), "exact", (4, (1, 2))),
        (lambda x: F.scaled_dot_product_attention(x, x, x, is_causal=True), "global", ((0, 7), (0, 7))),
        (lambda x: torch.where(LOWER, x, x.flip(2)), "exact", ((3, 4), 4)),
        (lambda x: x.masked_fill(LOWER, 0.0), "exact", (4, 4)),
        (lambda x: x * 0.0, "exact", (4, 4)),
        (lambda x: x * 2 if x.sum() > 0 else x, "exact", (4, 4)),
    ],
    ids=["interpolation", "attention", "where", "masked_fill", "zero", "branch"],
)
def test_structural_dependences(function: Callable[[Tensor], Tensor], status: str, center: tuple[object, ...]) -> None:
    out, tracker = watch(function, randn(1, 1, 8, 8))
    field = tracker.describe(out)
    assert field is not None
    assert field.status == status
    assert field.center == tuple((side, side) if isinstance(side, int) else side for side in center)
