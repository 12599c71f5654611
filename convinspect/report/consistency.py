"""Whether a report agrees with itself: lists of one entry an axis, rows that add up to the totals."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from convinspect.records import PER_AXIS, LocalField, ReceptiveField, Unit
from convinspect.report.sections import faults_of_timeline, faults_of_units

if TYPE_CHECKING:
    from convinspect.report.document import Report
    from convinspect.report.rows import Layer
    from convinspect.report.totals import Totals

_PER_AXIS = (
    "size",
    "size_min",
    "size_by",
    "jump",
    "start",
    "center",
    "coverage",
    "halo",
    "box",
    "nominal",
    "axis_status",
    "axis_global_via",
    "axis_labels",
)
_OWN = ("params", "trainable_params", "buffers", "param_bytes", "buffer_bytes")


def faults(report: Report) -> Iterator[tuple[str, str]]:
    """Yield each place that contradicts the rest of ``report`` (``layers[3].receptive_field.size``), and how."""
    for i, layer in enumerate(report.layers):
        yield from _faults_of_a_row(layer, f"layers[{i}]")
    if report.unit is not None:
        yield from _uneven(report.unit, len(report.unit.axes), "unit")
    for i, (source, target) in enumerate(report.graph or ()):
        inside = -len(report.inputs) <= source < len(report.layers) and 0 <= target < len(report.layers)
        # What a loop hands on to its next round goes back to an earlier row.
        if not inside or (source >= target and report.layers[source].runs == 1):
            yield f"graph[{i}]", f"expected two rows, the earlier one first, got {source} and {target}"
    yield from faults_of_timeline(report.timeline, len(report.layers))
    yield from faults_of_units(report.units, len(report.layers))
    for name, total, sum_ in _sums(report):
        if total != sum_:
            yield f"totals.{name}", f"expected {json.dumps(sum_)}, as the rows add up, got {json.dumps(total)}"


def _faults_of_a_row(layer: Layer, place: str) -> Iterator[tuple[str, str]]:
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


def _uneven(field: ReceptiveField | LocalField | Unit, axes: int, place: str) -> Iterator[tuple[str, str]]:
    for name in _PER_AXIS:
        values = getattr(field, name, None)
        if values is not None and len(values) != axes:
            yield f"{place}.{name}", f"expected a list of length {axes}, one entry an axis, got {len(values)}"


def _sums(report: Report) -> Iterator[tuple[str, int | None, int | None]]:
    totals = report.totals
    for name in _OWN:
        yield name, getattr(totals, name), sum(getattr(layer, name) for layer in report.layers)
    yield "non_trainable_params", totals.non_trainable_params, totals.params - totals.trainable_params
    yield "weight_bytes", totals.weight_bytes, totals.param_bytes + totals.buffer_bytes
    yield "macs", totals.macs, _macs(report, totals)
    yield "flops", totals.flops, None if totals.macs is None else sum(layer.flops or 0 for layer in report.layers)


def _macs(report: Report, totals: Totals) -> int | None:
    known = [layer.macs for layer in report.layers if layer.macs is not None]
    # Nothing known may stand as unknown, or as a lower bound of 0.
    return sum(known) if known or totals.macs is not None else None
