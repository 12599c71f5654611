"""Numbers that leave torch: what they come back into is unknown, and the row says where they left."""

from __future__ import annotations

import copy
import ctypes
import io
import logging
import pickle
import struct
import sys
import warnings
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.dlpack import from_dlpack

from convinspect import inspect

ITEM = "aten._local_scalar_dense.default"


class Scaled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(1, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x / float(x.max()))


def multiplied(x: Tensor) -> Tensor:
    array = x.numpy()
    np.multiply(array, array.max(), out=array)
    return x


def of_a_view(x: Tensor) -> Tensor:
    x[:, 0].detach().numpy()[...] = x.max()
    return x


def of_zeros(x: Tensor) -> Tensor:
    y = torch.zeros_like(x)
    y.numpy()[...] = x.numpy().max()
    return y


def of_an_array(x: Tensor) -> Tensor:
    array = np.zeros(tuple(x.shape), dtype=np.float32)
    y = torch.from_numpy(array)
    array[...] = x.numpy().max()
    return y


TABLE = np.ones(9, dtype=np.float32)
SHARED = torch.from_numpy(TABLE)


def of_a_table(x: Tensor) -> Tensor:
    TABLE[...] = x.numpy().max()
    return x * SHARED


def capsule(x: Tensor) -> Tensor:
    return torch.from_dlpack(torch.utils.dlpack.to_dlpack(x.flip(2)))


def through_an_alias(x: Tensor) -> Tensor:
    y = torch.from_dlpack(x)
    y.copy_(y.flip(2))
    return x


def behind_an_alias(x: Tensor) -> Tensor:
    y = torch.from_dlpack(x)
    x.copy_(x.flip(2))
    return y


def before_it_is_followed(x: Tensor) -> Tensor:
    y = torch.zeros_like(x)
    array = y.numpy()
    y.copy_(x)
    array[...] = array[..., ::-1].copy()
    return y


def moved(x: Tensor) -> Tensor:
    y = torch.empty_like(x)
    ctypes.memmove(y.data_ptr(), x.flip(2).contiguous().data_ptr(), x.numel() * 4)
    return y


def pointed_at(x: Tensor) -> Tensor:
    values = (ctypes.c_float * x.numel()).from_address(x.data_ptr())
    return torch.tensor(list(values)[::-1]).view(x.shape)


def packed(x: Tensor) -> Tensor:
    values = struct.unpack("<9f", x.numpy().tobytes())
    return torch.tensor(values[::-1]).view(x.shape)


def stored(x: Tensor) -> Tensor:
    return torch.frombuffer(bytearray(x.untyped_storage().tolist()), dtype=x.dtype).view(x.shape)


def saved(x: Tensor) -> Tensor:
    file = io.BytesIO()
    torch.save(x.flip(2), file)
    file.seek(0)
    return torch.load(file)


def pickled(x: Tensor) -> Tensor:
    return pickle.loads(pickle.dumps(x)).flip(2)  # noqa: S301 - of our own


class Outside(nn.Module):
    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.conv, self.function = nn.Conv1d(1, 1, 3, padding=1), function

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(self.function(self.conv(x)))


LEAVE: dict[str, tuple[Callable[[Tensor], Tensor], str]] = {
    "item": (lambda x: x * x.max().item(), ITEM),
    "int": (lambda x: x + int(x.max()), ITEM),
    "shape": (lambda x: x.reshape(1, 1, int(9 + x.max().clamp(0, 0)), -1).mean(3), ITEM),
    "numpy": (lambda x: torch.from_numpy(np.maximum(x.numpy(), 0)), "Tensor.numpy"),
    "asarray": (lambda x: torch.as_tensor(np.asarray(x) * 2), "Tensor.numpy"),
    "tolist": (lambda x: torch.tensor(x.tolist()), "Tensor.tolist"),
    "written array": (multiplied, "Tensor.numpy"),
    "array of a view": (of_a_view, "Tensor.numpy"),
    "array of zeros": (of_zeros, "Tensor.numpy"),
    "shared array": (of_an_array, "Tensor.numpy"),
    "table": (of_a_table, "Tensor.numpy"),
    "memmove": (moved, "Tensor.data_ptr"),
    "pointer": (pointed_at, "Tensor.data_ptr"),
    "struct": (packed, "Tensor.numpy"),
    "storage": (stored, "Tensor.untyped_storage"),
    "saved": (saved, "Tensor.untyped_storage"),
    "pickle": (pickled, "Tensor.untyped_storage"),
    "buffer": (lambda x: torch.frombuffer(bytearray(x.numpy()), dtype=x.dtype).view(x.shape), "Tensor.numpy"),
    "dlpack": (lambda x: torch.from_dlpack(np.from_dlpack(x).copy()), "Tensor.__dlpack__"),
    "written alias": (through_an_alias, "torch.from_dlpack"),
    "alias of what is written": (behind_an_alias, "torch.from_dlpack"),
    "array of what comes later": (before_it_is_followed, "Tensor.numpy"),
}


@pytest.mark.parametrize("name", LEAVE)
def test_what_comes_back_is_unknown(name: str) -> None:
    function, op = LEAVE[name]
    torch.manual_seed(0)  # no byte of a value is by chance a size
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


@pytest.mark.parametrize(
    "tell",
    [
        lambda x: sys.stdout.write(f"{x.mean():.3f} {x}" + str(x.max())),
        lambda x: logging.getLogger(__name__).info("%s", repr(x)),
        lambda x: torch.save(x, io.BytesIO()),
        lambda x: x.untyped_storage().nbytes(),
        lambda x: x.isnan().any().item() or x.numpy().max() > np.inf,
        copy.copy,
    ],
    ids=["print", "log", "save", "bytes", "check", "copy"],
)
def test_what_is_told_of_values_changes_nothing(tell: Callable[[Tensor], object]) -> None:
    def logged(x: Tensor) -> Tensor:
        tell(x)
        return x.relu()

    field = inspect(Outside(logged), (torch.rand(1, 1, 9),), optimizer=None).layers[0].receptive_field
    assert field is not None
    assert (field.status, field.size) == ("exact", (5,))


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_what_is_not_followed_may_be_written_from_outside(device: str) -> None:
    def scaled(x: Tensor) -> Tensor:
        table = torch.ones(9)
        array = table.numpy()
        array *= 2
        return x * table

    report = inspect(Outside(scaled), (torch.rand(1, 1, 9),), device=device, optimizer=None)
    field = report.layers[0].receptive_field
    assert field is not None
    assert (field.status, field.size) == ("exact", (5,))


@pytest.mark.parametrize(
    "around",
    [
        lambda x: x if x.data_ptr() == x.relu().data_ptr() else x * 1,
        lambda x: {x.data_ptr(): x}[x.data_ptr()],
        torch.from_dlpack,
        from_dlpack,
        capsule,
        copy.deepcopy,
        lambda x: copy.deepcopy({"values": [x.flip(2)]})["values"][0],
        lambda x: x.view(1, 3, 3).reshape(1, 1, 9) if float(x.detach().max() * 0 + 3.5) else x,
    ],
    ids=["pointers", "by pointer", "alias", "alias by name", "capsule", "copy", "copies", "fraction"],
)
def test_what_stays_in_torch_stays_exact(around: Callable[[Tensor], Tensor]) -> None:
    def function(x: Tensor) -> Tensor:
        y = around(x)
        return y.sum(1, keepdim=True)

    field = inspect(Outside(function), (torch.rand(1, 1, 9),), optimizer=None).layers[0].receptive_field
    assert field is not None
    assert (field.status, field.size, field.center) == ("exact", (5,), ((2, 6),))


def test_a_part_that_comes_back_through_dlpack_keeps_its_place() -> None:
    model = Outside(lambda x: torch.from_dlpack(x[:, :, 1:]) * 2)
    field = inspect(model, (torch.rand(1, 1, 9),), optimizer=None).layers[0].receptive_field
    assert field is not None
    assert (field.status, field.size, field.center) == ("exact", (5,), ((3, 7),))


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


@pytest.mark.parametrize("script", [False, True], ids=["python", "script"])
@pytest.mark.parametrize("value", [5.0, 12.0, 40.0], ids=["some", "all", "more"])
def test_a_number_that_decides_a_slice_makes_it_unknown(value: float, *, script: bool) -> None:
    with torch.no_grad():
        shapes = {Cut()(largest(value)).shape, Cut()(largest(3.0)).shape}
    assert len(shapes) == 2, "the far end of the input decides what the near end has"
    report = inspect(scripted(Cut()) if script else Cut(), (largest(value),), optimizer=None)
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


class Counting(nn.Module):
    """Counts through an array of its buffer, and writes into its weight and its input."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("count", torch.zeros(2))
        self.weight = nn.Parameter(torch.ones(2))

    def forward(self, x: Tensor) -> Tensor:
        self.count.numpy()[...] += 1
        self.weight.detach().numpy()[0] = 5
        np.asarray(x)[0] = 3
        return x * self.weight + self.count


def test_what_is_written_through_arrays_comes_back_too() -> None:
    model, x = Counting(), torch.zeros(2)
    inspect(model, (x,))
    assert (model.count.tolist(), model.weight.tolist(), x.tolist()) == ([0, 0], [1, 1], [0, 0])


class Cropped(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        size = torch.tensor([3])
        size.numpy()[0] = 7
        return x[:, : int(size)] * 1


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_arrays_of_known_values_share_their_memory_without_data_too(device: str) -> None:
    report = inspect(Cropped(), (torch.rand(2, 9),), device=device, optimizer=None)
    assert report.outputs[0].shape == (2, 7)
