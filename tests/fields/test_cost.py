"""What following fields costs: scores of attention are never written out, and fields die with their tensors."""

from __future__ import annotations

import tracemalloc

import torch
from torch import Tensor, nn

from convinspect import inspect


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
