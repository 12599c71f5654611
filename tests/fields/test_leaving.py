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
    assert "field_unknown" in [note.code for note in report.warnings if op in note.message]


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


class Cut(nn.Module):
    """Takes as many positions as the largest value says."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(1, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x[:, :, : int(x.max())])


class Narrowed(Cut):
    def forward(self, x: Tensor) -> Tensor:
        count = x.max().long().item()
        torch._check(count > 1)  # noqa: SLF001 - what a user writes to have it exported
        torch._check(count <= 12)  # noqa: SLF001 - as above
        return self.conv(x.narrow(2, 0, count))


def scripted(model: nn.Module) -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return torch.jit.script(model)


def largest(value: float) -> Tensor:
    x = torch.zeros(1, 1, 12)
    x[0, 0, 9] = value
    return x


@pytest.mark.parametrize("value", [5.0, 40.0], ids=["some", "all"])
def test_a_number_that_decides_a_slice_makes_it_unknown(value: float) -> None:
    with torch.no_grad():
        shapes = {Cut()(largest(value)).shape, Cut()(largest(3.0)).shape}
    assert len(shapes) == 2, "the far end of the input decides what the near end has"
    report = inspect(Cut(), (largest(value),), optimizer=None)
    field = report.layers[0].receptive_field
    assert field is not None
    assert field.status == "unknown"
    assert "shapes may depend on values" in next(n.message for n in report.warnings if n.code == "field_unknown")


def test_a_slice_by_a_value_is_unknown_in_scripts_and_programs() -> None:
    x = largest(5.0)
    for model in (scripted(Cut()), torch.export.export(Narrowed(), (x,))):
        field = inspect(model, (x,), optimizer=None).layers[0].receptive_field
        assert field is not None
        assert field.status == "unknown"


def test_before_a_number_leaves_slices_are_followed() -> None:
    def late(x: Tensor) -> Tensor:
        y = x[:, :, 1:-1]
        float(y.max())
        return y

    field = inspect(Outside(late), (torch.rand(1, 1, 9),), optimizer=None).layers[0].receptive_field
    assert field is not None
    assert (field.status, field.size) == ("exact", (5,))


class Product(nn.Module):
    """A product that torch does not see, of a value and a weight."""

    def __init__(self, through: str) -> None:
        super().__init__()
        self.through, self.weight, self.seen = through, nn.Parameter(torch.ones(8, 8)), nn.Linear(8, 8, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y, w = self.seen(x), self.weight.detach()
        if self.through == "tolist":
            columns = w.T.tolist()
            return torch.tensor([[sum(map(float.__mul__, r, c)) for c in columns] for r in y.tolist()])
        if self.through == "asarray":
            return torch.from_numpy(np.asarray(y) @ np.asarray(w))
        if self.through == "dlpack":
            return torch.from_numpy(np.from_dlpack(y) @ np.from_dlpack(w))
        return torch.from_numpy(y.numpy() @ w.numpy())


@pytest.mark.parametrize("through", ["numpy", "asarray", "tolist", "dlpack"])
def test_what_is_multiplied_outside_torch_is_not_counted_as_nothing(through: str) -> None:
    report = inspect(Product(through), (torch.rand(2, 8),), optimizer=None)
    assert report.totals.macs == 2 * 8 * 8, "half of the work"
    assert report.totals.macs_status == "lower_bound"
    assert [row.macs_status for row in report.layers if row.path == "seen"] == ["exact"]
    assert {(one.path, one.count) for one in report.uncounted} == {("", 2)}
    assert ("numpy" if through == "asarray" else through) in report.uncounted[0].op


class Listed(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        values: list[float] = x.tolist()
        return torch.tensor(values)


def test_a_list_that_scripted_code_makes_leaves_as_well() -> None:
    report = inspect(scripted(Listed()), (torch.rand(9),), optimizer=None)
    assert [(one.op, one.path) for one in report.uncounted] == [("Tensor.tolist", "")]


class OfConstants(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        table = torch.arange(16.0).view(4, 4).numpy()
        return x + torch.from_numpy(table @ table)


def test_without_data_what_is_known_leaves_alike() -> None:
    reports = [inspect(OfConstants(), (torch.rand(4, 4),), device=device, optimizer=None) for device in ("cpu", "meta")]
    assert [report.uncounted for report in reports] == [reports[0].uncounted] * 2
    assert reports[0].totals.macs_status == "lower_bound"


class Lengths(nn.Module):
    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        return x[: int(lengths.numpy().max())]


def test_lengths_and_places_are_no_work() -> None:
    report = inspect(Lengths(), (torch.rand(4, 4), torch.tensor([1, 3])), optimizer=None)
    assert report.totals.macs_status == "exact"
