"""Numbers that leave torch: what they come back into is unknown, and the row says where they left."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from convinspect import inspect


class Scaled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(1, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x / float(x.max()))


class Outside(nn.Module):
    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.conv, self.function = nn.Conv1d(1, 1, 3, padding=1), function

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(self.function(self.conv(x)))


@pytest.mark.parametrize(
    ("function", "op"),
    [
        (lambda x: x * x.max().item(), "aten._local_scalar_dense.default"),
        (lambda x: x + int(x.max()), "aten._local_scalar_dense.default"),
        (lambda x: torch.from_numpy(np.maximum(x.numpy(), 0)), "Tensor.numpy"),
        (lambda x: torch.as_tensor(np.asarray(x) * 2), "Tensor.numpy"),
        (lambda x: torch.tensor(x.tolist()), "Tensor.tolist"),
    ],
    ids=["item", "int", "numpy", "asarray", "tolist"],
)
def test_what_comes_back_is_unknown(function: Callable[[Tensor], Tensor], op: str) -> None:
    report = inspect(Outside(function), (torch.rand(1, 1, 9),), optimizer=None)
    field = report.layers[0].receptive_field
    assert field is not None
    assert field.status == "unknown"
    assert field.global_via is not None
    assert field.global_via.op == op
    assert [note.code for note in report.warnings if op in note.message] == ["field_unknown"]


@pytest.mark.parametrize("scripted", [False, True])
def test_a_number_that_scripted_code_takes_leaves_as_well(scripted: bool) -> None:  # noqa: FBT001
    model: nn.Module = Scaled()
    if scripted:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            model = torch.jit.script(model)
    field = inspect(model, (torch.rand(1, 1, 9),), optimizer=None).layers[0].receptive_field
    assert field is not None
    assert field.status == "unknown"


def test_a_branch_and_what_was_there_before_stay_exact() -> None:
    def branch(x: Tensor) -> Tensor:
        return x * 2 if x.sum() > 0 else x * 3

    field = inspect(Outside(branch), (torch.rand(1, 1, 9),), optimizer=None).layers[0].receptive_field
    assert field is not None
    assert (field.status, field.size) == ("exact", (5,))
