"""From the field of a tensor to what the report says of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from convinspect.fields.hulls.hull import Absent
from convinspect.fields.operations.causes import Cause, earliest
from convinspect.fields.operations.field import Field
from convinspect.fields.summary.axis import AxisReport
from convinspect.fields.summary.box import interval, most_seeing, one_unit
from convinspect.fields.summary.numbers import Numbers, numbers
from convinspect.records import FieldStatus, GlobalOperator, LocalField, ReceptiveField

# Of axes that differ the weaker claim holds for all; that some operator takes in everything is what a row must tell.
_WEAKEST_FIRST: tuple[FieldStatus, ...] = ("unknown", "data_dependent", "upper_bound", "global", "exact")


@dataclass(frozen=True, slots=True)
class Followed:
    """The input whose fields are followed: its name, the axes, their lengths."""

    name: str
    axes: tuple[int, ...]
    lengths: tuple[int, ...]
    labels: tuple[str, ...] | None = None

    def without(self, numbers: frozenset[int]) -> tuple[tuple[int, ...], Followed | None]:
        """Leave the axes ``numbers`` out: return the numbers of those that are left, and these, if there are any."""
        kept = tuple(number for number in range(len(self.axes)) if number not in numbers)
        axes, lengths = (tuple(values[number] for number in kept) for values in (self.axes, self.lengths))
        return kept, Followed(self.name, axes, lengths) if kept else None


def describe(field: Field, followed: Followed) -> ReceptiveField:
    """Report a field along every axis that is followed."""
    return assembled(read(field, followed), followed)


def read(field: Field, followed: Followed) -> tuple[AxisReport, ...]:
    """Return what there is to say along each axis, while the field is there."""
    unit = most_seeing(field)
    field = one_unit(field, unit)
    axes = []
    for axis, length in zip(field.axes, followed.lengths, strict=True):
        center = interval(axis.strict, unit)
        near = center if axis.local is axis.strict else interval(axis.local, unit)
        aligned = axis.nominal is not Absent.MISALIGNED
        axes.append(AxisReport(numbers(axis, field), center, near, length, aligned, axis.global_op, field.uncertainty))
    return tuple(axes)


def assembled(axes: Sequence[AxisReport], followed: Followed) -> ReceptiveField:
    """Report a field along ``axes``.

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
    statuses, causes = tuple([axis.status for axis in axes]), [axis.via for axis in axes]
    local = None
    if any(axis.global_op for axis in axes) and "unknown" not in statuses:
        near = tuple([axis.near for axis in axes])
        local = LocalField(**_columns([axis.numbers for axis in axes]), center=near if any(near) else None)
    return ReceptiveField(
        followed.name,
        followed.axes,
        **_columns([axis.own_numbers for axis in axes]),
        center=tuple([axis.center for axis in axes]),
        coverage=tuple([axis.coverage for axis in axes]),
        local=local,
        global_via=_told(earliest(causes)),
        aligned=False not in [axis.aligned for axis in axes],
        status=min(statuses, key=_WEAKEST_FIRST.index),
        axis_status=statuses,
        axis_global_via=tuple(map(_told, causes)),
        axis_labels=followed.labels,
    )


def _told(cause: Cause | None) -> GlobalOperator | None:
    return GlobalOperator(cause.path, cause.op) if cause else None


def _columns(by_axis: Sequence[Numbers]) -> dict[str, Any]:
    """Turn the numbers of each axis into one tuple a kind; ``None`` where no axis has any."""
    size, size_min, size_by, jump, start, halo = zip(*by_axis, strict=True)
    sized = size.count(None) < len(size)
    # A list without an entry says nothing; of what has a size, a unit that sees padding alone starts nowhere.
    steps = sized and jump.count(None) < len(jump)
    return {
        "size": size if sized else None,
        "size_min": size_min if sized else None,
        "size_by": size_by if sized else None,
        "jump": jump if steps else None,
        "start": start if steps else None,
        "halo": halo if any(halo) else None,
    }
