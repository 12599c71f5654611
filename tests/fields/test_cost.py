"""What following fields costs: scores of attention are never written out, and fields die with their tensors."""

from __future__ import annotations

import tracemalloc

import pytest
import torch
from torch import Tensor, nn

from convinspect import inspect

from .oracle import assert_exact, randn


class RelativePositions(nn.Module):
    """Global attention over 64x64 tokens, with a bias by the distance of rows added to its scores."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, 8, 16, 16)
        self.rows = nn.Parameter(torch.zeros(64, 64, 8))

    def forward(self, x: Tensor) -> Tensor:
        x = self.patch(x).permute(0, 2, 3, 1)
        b, h, w, c = x.shape
        tokens = x.reshape(b, h * w, c)
        bias = torch.einsum("bhwc,hkc->bhwk", x, self.rows)
        scores = (tokens @ tokens.mT).view(b, h, w, h, w) + bias[..., None]
        return scores.view(b, h * w, h * w).softmax(-1) @ tokens


def test_biased_scores_are_not_written_out() -> None:
    model = RelativePositions()
    tracemalloc.start()
    try:
        report = inspect(model, (torch.empty(1, 3, 1024, 1024, device="meta"),), optimizer=None)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    field = report.layers[0].receptive_field
    assert field is not None
    assert (field.center, field.status) == (((0, 1023), (0, 1023)), "global")
    # 4096 x 4096 pairs of bounds would be 256 MiB.
    assert peak < 64 * 2**20


class WithClassToken(nn.Module):
    """Attention of a class token and 8x8 tokens, with a bias by the distance of rows written into its scores."""

    def __init__(self, *, shifted: bool, side: int) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, 8, 4, 4)
        self.token, self.rows = nn.Parameter(torch.rand(1, 1, 8)), nn.Parameter(torch.rand(side, side, 8))
        self.shifted = shifted

    def scores(self, x: Tensor) -> Tensor:
        x = self.patch(x).permute(0, 2, 3, 1)
        b, h, w, c = x.shape
        tokens = torch.cat([self.token, x.reshape(b, h * w, c)], 1)
        scores = tokens @ tokens.mT
        queries = tokens[:, 1:].view(b, h, w, c)
        if self.shifted:
            queries = queries.roll(1, 2)
        bias = torch.einsum("bhwc,hkc->bhwk", queries, self.rows)[..., None].expand(b, h, w, h, w)
        scores[:, 1:, 1:] += bias.reshape(b, h * w, h * w)
        return scores

    def forward(self, x: Tensor) -> Tensor:
        return self.scores(x).softmax(-1)[:, :, :1]


@pytest.mark.parametrize("shifted", [False, True])
def test_scores_that_a_bias_is_written_into_stay_exact(shifted: bool) -> None:  # noqa: FBT001
    """The bias of other queries than the row's own is no part of what the scores saw before."""
    model = WithClassToken(shifted=shifted, side=3).double()
    assert_exact(model.scores, randn(1, 3, 12, 12))


def test_scores_that_a_bias_is_written_into_are_not_written_out() -> None:
    model = WithClassToken(shifted=False, side=64)
    tracemalloc.start()
    try:
        report = inspect(model, (torch.empty(1, 3, 256, 256, device="meta"),), optimizer=None)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    field = report.layers[0].receptive_field
    assert field is not None
    assert (field.center, field.status) == (((0, 255), (0, 255)), "global")
    # 4097 x 4097 pairs of bounds would be 256 MiB.
    assert peak < 64 * 2**20
