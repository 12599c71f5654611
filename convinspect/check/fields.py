"""Receptive fields as one number: the axis that decides, and how sure it is."""

from __future__ import annotations

from collections.abc import Iterable

from convinspect.check.metrics import EVERYTHING, Reading
from convinspect.check.parts import Part
from convinspect.records import ReceptiveField
from convinspect.report import Layer

# An axis each: field sizes in input positions.
_Sizes = tuple[int, ...]


def of_outputs(part: Part, *, least: bool) -> Reading:
    """Return the largest field over the axes, channels and outputs of the part's modules; with ``least`` the smallest.

    A global field is larger than any input. An output without spatial axes sees what its centre unit sees.
    """
    readings = [_of_output(row, least=least) for row in _outputs(part)]
    unknown = Reading.unknown(part.why_no_forward)
    if least:
        return min(readings, key=lambda read: read.low, default=unknown)
    return max(readings, key=lambda read: read.high, default=unknown)


def _outputs(part: Part) -> list[Layer]:
    return [row for row in part.rows if row.path in part.paths and row.kind == "module" and row.call]


def _of_output(row: Layer, *, least: bool) -> Reading:
    field = row.receptive_field
    if field is None:
        return Reading.unknown(f"{row.path or 'the output'} does not depend on the input that is followed")
    if field.status == "global":
        via = field.global_via
        return Reading.exactly(EVERYTHING, f"global through {via.path or 'the model'} ({via.op})" if via else None)
    if field.status in ("unknown", "data_dependent"):
        return Reading.unknown(f"the field is {field.status.replace('_', ' ')}")
    sizes = _nominal_or_seen(field, least=least)
    if sizes is None:
        return Reading.unknown("branches of different strides meet in it")
    value = min(sizes) if least else max(sizes)
    return Reading(0, value, "an upper bound") if field.status == "upper_bound" else Reading.exactly(value)


def _nominal_or_seen(field: ReceptiveField, *, least: bool) -> _Sizes | None:
    nominal = field.size_min if least else field.size
    if nominal is not None or not field.aligned:
        return _all_known(nominal)
    return tuple(0 if box is None else box[1] - box[0] + 1 for box in field.center or ()) or None


def local(part: Part, *, least: bool) -> Reading:
    """Return the largest nominal field that any row has, global operators set aside.

    Along any axis, or with ``least`` along the axis where that is least.
    """
    fields = [row.receptive_field for row in part.rows if row.receptive_field is not None]
    sure = [field for field in fields if field.status in ("exact", "global")]
    bounded = [field for field in fields if field.status == "upper_bound"]
    pick = min if least else max
    low, high = pick(_per_axis(sure), default=0), pick(_per_axis([*sure, *bounded]), default=0)
    if len(sure) + len(bounded) < len(fields):
        return Reading.at_least(low, "the fields of some rows are not known")
    return Reading(low, high, "an upper bound" if bounded else None) if high else Reading.unknown("no row has a size")


def _per_axis(fields: Iterable[ReceptiveField]) -> _Sizes:
    """Return the largest local size along each axis; empty where no row has one."""
    known = [size for field in fields if (size := _all_known(_local(field))) is not None]
    return tuple(map(max, zip(*known, strict=True)))


def _local(field: ReceptiveField) -> tuple[int | None, ...] | None:
    if field.status != "global":
        return field.size
    return field.local.size if field.local is not None else None


def _all_known(sizes: tuple[int | None, ...] | None) -> _Sizes | None:
    known = tuple(size for size in sizes or () if size is not None)
    return known if sizes and len(known) == len(sizes) else None
