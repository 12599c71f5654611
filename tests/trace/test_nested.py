"""Nested tensors: jagged ones are their values, packed; those of the strided layout are refused by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from convinspect import inspect
from convinspect.errors import UsageError

pytestmark = pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
LENGTHS = (3, 5, 1)


def _jagged(width: int) -> Tensor:
    made: Tensor = torch.nested.nested_tensor([torch.rand(n, width) for n in LENGTHS], layout=torch.jagged)
    return made


class Packs(nn.Module):
    """Cuts sequences of several lengths out of a batch, and gives them back padded."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.LayerNorm(16), nn.Linear(16, 4))

    def forward(self, x: Tensor) -> Tensor:
        rows = [x[i, :length] for i, length in enumerate(LENGTHS)]
        out: Tensor = self.layers(torch.nested.nested_tensor(rows, layout=torch.jagged)).to_padded_tensor(0.0)
        return out


@pytest.mark.parametrize("device", [None, "meta"])
def test_what_a_model_packs_costs_its_elements_alone(device: str | None) -> None:
    report = inspect(Packs(), torch.rand(3, 6, 8), device=device)
    first = next(layer for layer in report.layers if layer.path == "layers.0")
    assert first.outputs[0].shape == (sum(LENGTHS), 16)
    assert first.macs == sum(LENGTHS) * 8 * 16
    assert (report.totals.macs, report.totals.macs_status) == (sum(LENGTHS) * (8 * 16 + 16 * 4), "exact")
    assert report.outputs[0].shape == (3, max(LENGTHS), 4)
    assert report.failure is None


@pytest.mark.parametrize("device", [None, "meta"])
def test_a_jagged_input_is_its_values(device: str | None) -> None:
    report = inspect(nn.Sequential(nn.Linear(8, 4), nn.ReLU()), _jagged(8), device=device)
    assert [tensor.shape for tensor in (*report.inputs, *report.outputs)] == [(9, 8), (9, 4)]
    assert report.totals.macs == 9 * 8 * 4
    assert report.totals.memory.inference_peak_bytes == 4 * (36 + 9 * 8 + 9 * 4 + 9 * 4)
    training = report.totals.memory.training
    assert training is not None
    assert training.gradient_bytes == 36 * 4


def _strided(x: Tensor) -> Tensor:
    made: Tensor = torch.nested.nested_tensor([x[0], x[1]])
    return made


@pytest.mark.parametrize("device", [None, "meta"])
@pytest.mark.parametrize("make", [_strided, lambda x: torch.nested.as_nested_tensor([x[0], x[1, :2]])])
def test_the_strided_layout_is_refused_by_name(make: Callable[[Tensor], Any], device: str | None) -> None:
    class Makes(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(4, 2)

        def forward(self, x: Tensor) -> Any:
            return self.layer(make(x)).to_padded_tensor(0.0)

    with pytest.raises(UsageError, match="nested tensor of the strided layout"):
        inspect(Makes(), torch.rand(2, 3, 4), device=device)
    with pytest.raises(UsageError, match="nested tensor of the strided layout"):
        inspect(nn.Identity(), torch.nested.nested_tensor([torch.zeros(2, 4)]), device=device)
