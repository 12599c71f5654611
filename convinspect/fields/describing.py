"""From the field of a tensor to what the report says of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from convinspect.errors import UsageError
from convinspect.fields import described
from convinspect.fields import nominal as maps
from convinspect.fields.bounds import EMPTY_FROM, Array
from convinspect.fields.field import AxisField, Cause, Field
from convinspect.fields.nominal import Absent, Map
from convinspect.records import FieldStatus, GlobalOperator, Interval, Jump, LocalField, ReceptiveField, Unit


@dataclass(frozen=True, slots=True)
class Followed:
    """The input whose fields are followed: its name, the axes, their lengths."""

    name: str
    axes: tuple[int, ...]
    lengths: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Numbers:
    """Nominal numbers of one axis."""

    size: int | None = None
    size_min: int | None = None
    jump: Jump | None = None
    start: int | None = None
    halo: Interval | None = None


def describe(field: Field, followed: Followed) -> ReceptiveField:
    """Report a field.

    Where several statuses apply the weaker claim wins: unknown, data_dependent, upper_bound, global, exact; a bound
    that came after all that is global does not count, as it cannot have made it so. Axes that are global have no
    nominal numbers of their own: these stand in ``local``.

    * ``exact``: the hull of what the operators read. This is structure: a tap of weight 0, a masked key, or the branch
      that a constant mask leaves out count (the package says which).
    * ``global``: exact as well, and some operator took in all positions of an axis at once.
    * ``upper_bound``: nothing outside is read; not all inside need be.
    * ``data_dependent``: an upper bound, inside which values decide what is read.
    * ``unknown``: an operator without a rule came before; the whole input is all that can be said.
    """
    unit = _middle(field)
    lengths = followed.lengths
    if field.parts:
        # Attention scores: a pair of positions has no place along the axis, and so no nominal numbers.
        field = _one_unit(field, unit)
    center = tuple(_interval(axis.strict, unit) for axis in field.axes)
    numbers = [_numbers(axis, field) for axis in field.axes]
    gates = [axis.gate for axis in field.axes]
    unknown = field.doubts.unknown
    own = [_Numbers() if gate or unknown else number for gate, number in zip(gates, numbers, strict=True)]
    local = None
    if any(gates) and not unknown:
        hull = _or_none(tuple(_interval(axis.local, unit) for axis in field.axes))
        local = LocalField(*_columns(numbers), hull, _halo(numbers))
    causes = [gate for gate in (unknown, field.doubts.data_dependent, *gates) if gate is not None]
    via = unknown or (min(causes) if causes else None)
    return ReceptiveField(
        followed.name,
        followed.axes,
        *_columns(own),
        center=center,
        coverage=tuple(
            (box[1] - box[0] + 1) / length if box else 0.0 for box, length in zip(center, lengths, strict=True)
        ),
        local=local,
        global_via=GlobalOperator(via.path, via.op) if via else None,
        aligned=all(axis.nominal is not Absent.MISALIGNED for axis in field.axes),
        status=_status(field, gates),
        halo=_halo(own),
    )


def unit(field: Field, followed: Followed, index: tuple[int, ...]) -> Unit:
    """Report one unit of a field; ``index`` runs over the tensor's spatial axes."""
    dims = [dim for dim, flag in enumerate(field.spatial) if flag]
    sizes = tuple(field.shape[dim] for dim in dims)
    if not dims:
        raise UsageError("its output has no spatial axes")
    if len(index) != len(dims) or not all(0 <= i < n for i, n in zip(index, sizes, strict=False)):
        units = ", ".join(f"0..{n - 1}" for n in sizes)
        raise UsageError(f"no unit {','.join(map(str, index))}: its output has the units {units}")
    at = dict(zip(dims, index, strict=True))
    if field.parts:
        field = _one_unit(field, at)
    box = tuple(_interval(axis.strict, at) for axis in field.axes)
    nominal = tuple(None if axis.gate or field.doubts.unknown else _unclipped(axis, at) for axis in field.axes)
    cells = padding = None
    if all(side is not None for side in nominal):
        cells = _cells(nominal)
        padding = cells - _cells(box)
    return Unit(followed.name, followed.axes, index, box, nominal, cells, padding)


def _cells(box: tuple[Interval | None, ...]) -> int:
    return math.prod(side[1] - side[0] + 1 if side else 0 for side in box)


def _middle(field: Field) -> dict[int, int]:
    """Take the unit at index ``n // 2`` of every spatial dimension."""
    return {dim: field.shape[dim] // 2 for dim, flag in enumerate(field.spatial) if flag}


def _one_unit(field: Field, unit: dict[int, int]) -> Field:
    """Hull of one unit's parts, without writing out those of all others."""
    axes = []
    for number in range(len(field.parts[0].axes)):
        own = [part.axes[number] for part in field.parts]
        sides = []
        for side in ("strict", "local"):
            taken = [_taken(getattr(axis, side), unit).reshape(2, -1).min(axis=1) for axis in own]
            sides.append(np.min(taken, axis=0).reshape((2,) + (1,) * len(field.shape)))
        gates = [axis.gate for axis in own if axis.gate]
        axes.append(AxisField(sides[0], sides[1], Absent.CONSUMED, min(gates) if gates else None))
    return Field(field.shape, field.spatial, tuple(axes), field.doubts)


def _interval(bounds: Array, unit: dict[int, int]) -> Interval | None:
    """Hull of one unit over its channels."""
    lo, hi = _taken(bounds, unit).reshape(2, -1).min(axis=1)
    return (int(lo), int(-hi)) if lo < EMPTY_FROM else None


def _taken(bounds: Array, unit: dict[int, int]) -> Array:
    """Bounds of one unit, by channel."""
    where = [slice(None)] * bounds.ndim
    for dim, position in unit.items():
        if bounds.shape[dim + 1] > 1:
            where[dim + 1] = slice(position, position + 1)
    return bounds[tuple(where)]


def _unclipped(axis: AxisField, unit: dict[int, int]) -> Interval | None:
    """Nominal interval of one unit."""
    if not isinstance(axis.nominal, Map):
        return None
    position = np.array([unit.get(axis.nominal.dim, 0)], dtype=np.int64)
    return _interval(maps.at(axis.nominal, position), {d: i for d, i in unit.items() if d != axis.nominal.dim})


def _numbers(axis: AxisField, field: Field) -> _Numbers:
    if not isinstance(axis.nominal, Map) or not field.spatial[axis.nominal.dim]:
        return _Numbers()
    size = described.sizes(axis.nominal)
    if size is None:
        return _Numbers()
    dim = axis.nominal.dim
    shared = sum(isinstance(other.nominal, Map) and other.nominal.dim == dim for other in field.axes) > 1
    step = described.jump(axis.nominal, field.spatial, shared=shared)
    first = described.start(axis.nominal, field.spatial)
    if shared and _interval(axis.local, dict.fromkeys(_middle(field), 0)) is None:
        # The first token is not one of the image's: no position comes before the others in a flattened image.
        first = None
    halo = None if shared else described.halo(axis.nominal)
    return _Numbers(*size, None if step is None else _text(step), first, halo)


def _text(step: Fraction) -> Jump:
    return int(step) if step.denominator == 1 else str(step)


def _columns(
    numbers: list[_Numbers],
) -> tuple[
    tuple[int | None, ...] | None,
    tuple[int | None, ...] | None,
    tuple[Jump | None, ...] | None,
    tuple[int | None, ...] | None,
]:
    """Turn the numbers of each axis into one tuple a kind; ``None`` where no axis has any."""
    if all(number.size is None for number in numbers):
        return None, None, None, None
    return (
        tuple(number.size for number in numbers),
        tuple(number.size_min for number in numbers),
        tuple(number.jump for number in numbers),
        tuple(number.start for number in numbers),
    )


def _halo(numbers: list[_Numbers]) -> tuple[Interval | None, ...] | None:
    return _or_none(tuple(number.halo for number in numbers))


def _or_none(center: tuple[Interval | None, ...]) -> tuple[Interval | None, ...] | None:
    return center if any(center) else None


def _status(field: Field, gates: list[Cause | None]) -> FieldStatus:
    if field.doubts.unknown:
        return "unknown"
    if field.doubts.data_dependent:
        return "data_dependent"
    bound = field.doubts.upper_bound
    if any(gates):
        return "upper_bound" if bound and any(gate and bound <= gate for gate in gates) else "global"
    return "upper_bound" if bound else "exact"
