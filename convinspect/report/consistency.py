"""Whether the parts of a report agree: lists of one entry an axis, sums of the rows, places that are there.

Each function yields the places that contradict another one (``layers[3].receptive_field.size``), and how.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from typing import TypeAlias

from convinspect.records import PER_AXIS, LocalField, ReceptiveField, Timelines, Unit, Units
from convinspect.report.rows import Layer, RowsUnits, Totals

Fault: TypeAlias = tuple[str, str]

_PER_AXIS = (
    *("size", "size_min", "size_by", "jump", "start", "center", "coverage", "halo", "box", "nominal"),
    *("axis_status", "axis_global_via", "axis_labels"),
)
_OWN = ("params", "trainable_params", "buffers", "param_bytes", "buffer_bytes")


def faults_of_rows(layers: Sequence[Layer]) -> Iterator[Fault]:
    """Yield where lists that have an entry an axis are of different lengths."""
    for i, layer in enumerate(layers):
        place = f"layers[{i}]"
        fields = {f".outputs[{n}]": output.receptive_field for n, output in enumerate(layer.outputs)}
        for inner, field in {"": layer.receptive_field, **fields}.items():
            if field is not None:
                yield from _uneven(field, len(field.axes), f"{place}{inner}.receptive_field")
                if field.local is not None:
                    yield from _uneven(field.local, len(field.axes), f"{place}{inner}.receptive_field.local")
        lists = {name: len(value) for name in PER_AXIS if isinstance(value := layer.attributes.get(name), tuple)}
        if len(set(lists.values())) > 1:
            said = ", ".join(f"{name} {length}" for name, length in lists.items())
            yield f"{place}.attributes", f"expected lists of one length, one entry an axis, got {said}"


def faults_of_unit(unit: Unit | None) -> Iterator[Fault]:
    """Yield where lists of the one unit do not have an entry an axis."""
    if unit is not None:
        yield from _uneven(unit, len(unit.axes), "unit")


def _uneven(field: ReceptiveField | LocalField | Unit, axes: int, place: str) -> Iterator[Fault]:
    for name in _PER_AXIS:
        values = getattr(field, name, None)
        if values is not None:
            yield from _of_length(f"{place}.{name}", len(values), axes, ", one entry an axis")


def _of_length(place: str, length: int, wanted: int, why: str = "") -> Iterator[Fault]:
    if length != wanted:
        yield place, f"expected a list of length {wanted}{why}, got {length}"


def faults_of_graph(graph: Sequence[tuple[int, int]] | None, inputs: int, layers: Sequence[Layer]) -> Iterator[Fault]:
    """Yield the edges that do not lead from an earlier row, or one of so many ``inputs``, to a later row."""
    for i, (source, target) in enumerate(graph or ()):
        inside = -inputs <= source < len(layers) and 0 <= target < len(layers)
        # What a loop hands on to its next round goes back to an earlier row.
        if not inside or (source >= target and layers[source].runs == 1):
            yield f"graph[{i}]", f"expected two rows, the earlier one first, got {source} and {target}"


def faults_of_timeline(lines: Timelines | None, rows: int) -> Iterator[Fault]:
    """Yield where the timelines name none of so many ``rows``, or what died before it was born."""
    for name in ("inference", "training") if lines is not None else ():
        line = getattr(lines, name)
        for what, each in (("moments", line.moments), ("allocations", line.allocations)) if line is not None else ():
            for i, one in enumerate(each):
                place = f"timeline.{name}.{what}[{i}]"
                if one.owner >= rows:
                    yield f"{place}.owner", f"expected one of {rows} rows, got {one.owner}"
                died = getattr(one, "died", None)
                if died is not None and died <= one.born:
                    yield f"{place}.died", f"expected a moment after {one.born}, got {died}"


def faults_of_units(units: RowsUnits | None, rows: int) -> Iterator[Fault]:
    """Yield where ``units`` do not fit so many ``rows``, or contradict themselves."""
    if units is None:
        return
    yield from _of_length("units.layers", len(units.layers), rows, ", one entry a row")
    for i, number in enumerate(units.layers):
        if number is not None and number >= len(units.distinct):
            yield f"units.layers[{i}]", f"expected one of {len(units.distinct)}, got {number}"
    for i, one in enumerate(units.distinct):
        yield from _of_units(one, f"units.distinct[{i}]")


def _of_units(units: Units, place: str) -> Iterator[Fault]:
    yield from _of_length(f"{place}.along", len(units.along), len(units.axes), ", one entry an axis")
    yield from _of_length(f"{place}.sizes", len(units.sizes), len(units.dims), ", one entry an axis")
    for i, axis in enumerate(units.along):
        if any(number >= len(units.sizes) for number in axis.axes):
            yield f"{place}.along[{i}].axes", f"expected numbers below {len(units.sizes)}"
            continue
        wanted = math.prod(units.sizes[number] for number in axis.axes)
        for name in ("box", "local", "nominal"):
            spans = getattr(axis, name)
            if spans is not None:
                yield from _of_length(f"{place}.along[{i}].{name}", len(spans), wanted)


def faults_of_totals(totals: Totals, layers: Sequence[Layer]) -> Iterator[Fault]:
    """Yield the totals that are not what the rows add up to."""
    sums: dict[str, int | None] = {name: sum(getattr(layer, name) for layer in layers) for name in _OWN}
    sums["non_trainable_params"] = totals.params - totals.trainable_params
    sums["weight_bytes"] = totals.param_bytes + totals.buffer_bytes
    known = [layer.macs for layer in layers if layer.macs is not None]
    # Nothing known may stand as unknown, or as a lower bound of 0.
    sums["macs"] = sum(known) if known or totals.macs is not None else None
    sums["flops"] = None if totals.macs is None else sum(layer.flops or 0 for layer in layers)
    for name, added in sums.items():
        total = getattr(totals, name)
        if total != added:
            yield f"totals.{name}", f"expected {json.dumps(added)}, as the rows add up, got {json.dumps(total)}"
