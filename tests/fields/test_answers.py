"""Calls that are alike share their answer, and each keeps what is its own: who made a field global, and where."""

from __future__ import annotations

import torch
from torch import Tensor, nn

import convinspect
from tests.fields.oracle import watch_all


def test_equal_calls_have_one_field() -> None:
    weights = torch.rand(2, 3, 1, 3, 3)

    def twice(x: Tensor) -> list[Tensor]:
        return [torch.conv2d(x, weight, padding=1) for weight in weights]

    (one, other), tracker = watch_all(twice, torch.rand(1, 1, 8, 8))
    assert tracker.field(one) is tracker.field(other) is not None


def test_equal_calls_that_become_global_are_told_by_their_own_modules() -> None:
    class Squeeze(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.mean((2, 3))

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.other = Squeeze(), Squeeze()

        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            return self.one(x), self.other(x)

    report = convinspect.inspect(Net(), torch.rand(1, 3, 8, 8), optimizer=None)
    fields = {layer.path: layer.receptive_field for layer in report.layers if layer.path}
    via = {path: field and field.global_via and field.global_via.path for path, field in fields.items()}
    assert via == {"one": "one", "other": "other"}
