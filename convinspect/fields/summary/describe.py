"""From the field of a tensor to what the report says of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from convinspect.fields.hulls.hull import Absent
from convinspect.fields.operations.field import Cause, Field, earliest
from convinspect.fields.summary.box import interval, middle, one_unit
from convinspect.fields.summary.numbers import Numbers, numbers
from convinspect.records import FieldStatus, GlobalOperator, LocalField, ReceptiveField


@dataclass(frozen=True, slots=True)
class Followed:
    """The input whose fields are followed: its name, the axes, their lengths."""

    name: str
    axes: tuple[int, ...]
    lengths: tuple[int, ...]


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
    unit = middle(field)
    field = one_unit(field, unit)
    center = tuple(interval(axis.strict, unit) for axis in field.axes)
    by_axis = [numbers(axis, field) for axis in field.axes]
    global_ops = [axis.global_op for axis in field.axes]
    unknown = field.uncertainty.unknown
    own = [Numbers() if op or unknown else number for op, number in zip(global_ops, by_axis, strict=True)]
    local = None
    if any(global_ops) and not unknown:
        near = tuple(interval(axis.local, unit) for axis in field.axes)
        local = LocalField(**_columns(by_axis), center=near if any(near) else None)
    via = unknown or earliest((field.uncertainty.data_dependent, *global_ops))
    return ReceptiveField(
        followed.name,
        followed.axes,
        **_columns(own),
        center=center,
        coverage=tuple(
            (box[1] - box[0] + 1) / length if box else 0.0 for box, length in zip(center, followed.lengths, strict=True)
        ),
        local=local,
        global_via=GlobalOperator(via.path, via.op) if via else None,
        aligned=all(axis.nominal is not Absent.MISALIGNED for axis in field.axes),
        status=_status(field, global_ops),
    )


def _columns(by_axis: Sequence[Numbers]) -> dict[str, Any]:
    """Turn the numbers of each axis into one tuple a kind; ``None`` where no axis has any."""
    sized = any(one.size is not None for one in by_axis)
    columns: dict[str, Any] = {
        kind: tuple(getattr(one, kind) for one in by_axis) if sized else None
        for kind in ("size", "size_min", "jump", "start")
    }
    halo = tuple(one.halo for one in by_axis)
    return {**columns, "halo": halo if any(halo) else None}


def _status(field: Field, global_ops: Sequence[Cause | None]) -> FieldStatus:
    if field.uncertainty.unknown:
        return "unknown"
    if field.uncertainty.data_dependent:
        return "data_dependent"
    bound = field.uncertainty.upper_bound
    if any(global_ops):
        return "upper_bound" if bound and any(op and bound <= op for op in global_ops) else "global"
    return "upper_bound" if bound else "exact"
