"""The truth about a report's rows: every output of every row, by what NaN in the input makes of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import product
from math import prod

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from convinspect import Report, inspect
from convinspect.ops import display_name, is_silent
from convinspect.records import Interval, ReceptiveField
from convinspect.tensors.describe import tensors_in

from .oracle import EMPTY, Hull, plain_kernels

Box = tuple[Interval | None, ...]
# Outputs by row: ``(path, None, run)`` of a module, ``(path, operator, run)`` of an operator that ran in it.
Key = tuple[str, str | None, int]


class Outputs(TorchDispatchMode):
    """Keeps where NaN is in all that modules return and operators give."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.touched: dict[Key, list[np.ndarray]] = {}
        self._names = {module: name for name, module in net.named_modules()}
        self._running: list[str] = []
        self._runs: dict[tuple[str, str | None], int] = defaultdict(int)

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # noqa: ANN001, ANN204
        del types
        out = func(*args, **(kwargs or {}))
        if not is_silent(str(func)):
            self._keep(display_name(str(func)), out)
        return out

    @contextmanager
    def following(self) -> Iterator[None]:
        """Follow which module is running."""
        with ExitStack() as stack:
            for module in self._names:
                stack.enter_context(_handle(module.register_forward_pre_hook(self._enter)))
                stack.enter_context(_handle(module.register_forward_hook(self._leave)))
            with self:
                yield

    def _enter(self, module: nn.Module, _args: object) -> None:
        self._running.append(self._names[module])

    def _leave(self, _module: nn.Module, _args: object, out: object) -> None:
        self._keep(None, out)
        self._running.pop()

    def _keep(self, operator: str | None, out: object) -> None:
        path = self._running[-1] if self._running else ""
        self._runs[path, operator] += 1
        masks = [_isnan(tensor) for tensor in tensors_in(out)]
        self.touched[path, operator, self._runs[path, operator]] = masks


def _isnan(tensor: Tensor) -> np.ndarray:
    with torch.utils._python_dispatch._disable_current_modes():  # noqa: SLF001 - not to be followed itself
        return tensor.detach().isnan().numpy() if tensor.is_floating_point() else np.zeros(tuple(tensor.shape), bool)


@contextmanager
def _handle(handle) -> Iterator[None]:  # noqa: ANN001
    try:
        yield
    finally:
        handle.remove()


def truth(net: nn.Module, x: Tensor, axes: tuple[int, ...]) -> dict[Key, list[list[Hull]]]:
    """Return, of every output of every row, the hulls that each of its elements depends on, by axis."""
    found: dict[Key, list[list[Hull]]] = {}
    for number, axis in enumerate(axes):
        for index in range(x.shape[axis]):
            poisoned = x.clone()
            poisoned.select(axis, index).fill_(float("nan"))
            outputs = Outputs(net)
            with torch.no_grad(), plain_kernels(), outputs.following():
                net(poisoned)
            for key, masks in outputs.touched.items():
                hulls = found.setdefault(
                    key, [[Hull(np.full(m.shape, EMPTY), np.full(m.shape, -EMPTY)) for _ in axes] for m in masks]
                )
                for mask, by_axis in zip(masks, hulls, strict=True):
                    by_axis[number].lo[mask] = np.minimum(by_axis[number].lo[mask], index)
                    by_axis[number].hi[mask] = np.maximum(by_axis[number].hi[mask], index)
    return found


def check_rows(
    net: nn.Module, x: Tensor, axes: tuple[int, ...], *, channels: tuple[tuple[int, int], ...] = ()
) -> Report:
    """Assert that every output of every row of the report is as NaN propagation has it, along ``axes``.

    ``channels`` are dimensions whose elements see different things and yet make up one unit (groups, and branches
    joined side by side), each after the rank of the tensors that have it.
    """
    net = net.double().eval()
    report = inspect(net, (x,), optimizer=None)
    real = truth(net, x, axes)
    runs: dict[tuple[str, str], int] = defaultdict(int)
    checked = 0
    for row in report.layers:
        if row.kind == "module":
            outputs = real[row.path, None, row.call]
        else:
            runs[row.path, row.type] += 1
            outputs = real[row.path, row.type, runs[row.path, row.type]]
        for output, hulls in zip(row.outputs, outputs, strict=False):
            assert output.shape == hulls[0].lo.shape, f"{row.path} {row.type}"
            if not output.dtype.startswith("float"):
                continue  # no NaN in it
            checked += _check(output.receptive_field, hulls, axes, channels, f"{row.path} {row.type}")
    assert checked >= sum(len(row.outputs) for row in report.layers if row.kind == "module")
    return report


def _check(
    field: ReceptiveField | None,
    hulls: list[Hull],
    axes: tuple[int, ...],
    channels: tuple[tuple[int, int], ...],
    name: str,
) -> int:
    if field is None:
        assert all((hull.lo == EMPTY).all() for hull in hulls), f"{name}: depends on the input"
        return 1
    assert field.axes == axes, name
    assert field.center is not None
    assert field.coverage is not None
    statuses = set(field.axis_status or ())
    units = possible_units(hulls, tuple(dim for rank, dim in channels if rank == hulls[0].lo.ndim))
    if statuses <= {"exact", "global"}:
        assert field.center in units, f"{name}: {field.center} is none of {units}"
    else:
        assert any(all(map(_inside, unit, field.center)) for unit in units), f"{name}: {field.center}, truly {units}"
    for side, share, hull, size in zip(
        field.center, field.coverage, hulls, field.size or [None] * len(axes), strict=True
    ):
        assert share == 0 if side is None else share > 0
        if size is not None:
            # Nothing inside the tensor is larger than the nominal size, which knows no border.
            assert size >= int((hull.hi - hull.lo + 1).max()), f"{name}: size {size}"
    return 1


def _inside(real: Interval | None, claim: Interval | None) -> bool:
    return real is None or (claim is not None and claim[0] <= real[0] and real[1] <= claim[1])


def possible_units(hulls: list[Hull], channels: tuple[int, ...]) -> list[Box]:
    """Return the boxes that the unit of a tensor may be said to see.

    That is the one in the middle of all dimensions along which anything changes; or, where positions are merged with
    others, one that sees most.
    """
    shape = hulls[0].lo.shape
    varying = [
        dim
        for dim in range(len(shape))
        if dim not in channels and any(_varies(hull.lo, dim) or _varies(hull.hi, dim) for hull in hulls)
    ]
    found = [_box(hulls, {dim: shape[dim] // 2 for dim in varying})]
    if prod(shape) > 1:
        places = product(*(range(shape[dim]) for dim in varying))
        boxes = {_box(hulls, dict(zip(varying, place, strict=True))) for place in places}
        most = max(map(_cells, boxes))
        # Of several dimensions some may be in the middle, and only the others at the place that sees most.
        found += [box for box in boxes if _cells(box) == most]
    return found


def _varies(array: np.ndarray, dim: int) -> bool:
    return bool((array != array.take([0], axis=dim)).any())


def _box(hulls: list[Hull], place: dict[int, int]) -> Box:
    where = tuple(place.get(dim, slice(None)) for dim in range(hulls[0].lo.ndim))
    sides = ((int(np.min(hull.lo[where])), int(np.max(hull.hi[where]))) for hull in hulls)
    return tuple((lo, hi) if lo <= hi else None for lo, hi in sides)


def _cells(box: Box) -> int:
    return prod(side[1] - side[0] + 1 if side else 0 for side in box)
