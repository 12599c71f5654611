"""A saved document, read strictly: what no report holds, and what contradicts itself, is refused by its place."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias, TypeVar

import msgspec

from convinspect.errors import UsageError
from convinspect.records import PER_AXIS, LocalField, ReceptiveField, Timelines, Unit, Units
from convinspect.report.rows import WEIGHTS, Layer, RowsUnits, Totals

T = TypeVar("T")

# More than any product of sizes that torch can hold; Python's own arithmetic with floats ends at 1024.
_BITS = 256
_WORDS = {
    "int": "a whole number",
    "float": "a decimal number",
    "str": "text",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}


def read(kind: type[T], document: Any) -> T:
    """Return the dataclass ``kind`` that ``document`` holds in dicts and lists; keys of a later version are ignored.

    Raises `UsageError` for a key that is missing and for a value of another type, out of its bounds or not in JSON
    (NaN, half a character).
    """
    _refuse_impossible(document)
    try:
        return msgspec.convert(document, kind)
    except msgspec.ValidationError as error:
        raise _told(str(error)) from None


def damaged(place: str, fault: str) -> UsageError:
    """Return the error of a report that is wrong at ``place`` (``layers[3].macs``)."""
    return UsageError(f"a damaged report: {place}: {fault}")


def _refuse_impossible(document: Any) -> None:
    """Refuse what the types below cannot: they know of no bound for large numbers, and let pass what is no text."""
    waiting = [("", document)]
    while waiting:
        place, value = waiting.pop()
        fault = _fault(value)
        if fault:
            raise damaged(place, fault)
        if isinstance(value, dict):
            dot = "." if place else ""
            for key, item in value.items():
                if _fault(key):
                    raise damaged(place or "the document", f"the key {key!a:.80} is not text")
                waiting.append((f"{place}{dot}{key}", item))
        elif isinstance(value, list):
            waiting.extend((f"{place}[{i}]", item) for i, item in enumerate(value))


def _fault(value: Any) -> str | None:
    if isinstance(value, str):
        return None if value.isascii() or not re.search(r"[\ud800-\udfff]", value) else f"{value!a:.80} is not text"
    if isinstance(value, float):
        return None if math.isfinite(value) else f"{value} is not a number"
    if isinstance(value, int) and value.bit_length() > _BITS:
        return "a number larger than any that is counted here"
    return None


def _told(said: str) -> UsageError:
    """Put ``Expected `int` >= 0 - at `$.layers[3].macs` `` into our words."""
    fault, _, at = said.rpartition(" - at ") if " - at " in said else (said, "", "")
    place = re.sub(r"^\$\.?", "", at.replace("`", ""))
    missing = re.fullmatch(r"Object missing required field `(\w+)`", fault)
    if missing:
        return damaged(f"{place}.{missing[1]}" if place else missing[1], "missing")
    if fault.startswith("Invalid enum value "):
        return damaged(place, f"{fault.removeprefix('Invalid enum value ')} is not known")
    fault = re.sub(r"`str` matching .*", "a fraction such as 1/2", fault).replace("`int` >=", "a count >=")
    fault = re.sub("`([a-z |]+)`", lambda kinds: " or ".join(_WORDS.get(k, k) for k in kinds[1].split(" | ")), fault)
    return damaged(place or "the document", fault[:1].lower() + fault[1:])


Fault: TypeAlias = tuple[str, str]

_PER_AXIS = (
    *("size", "size_min", "size_by", "jump", "start", "center", "coverage", "halo", "box", "nominal"),
    *("axis_status", "axis_global_via", "axis_labels"),
)


def faults_of(report: Any) -> Iterator[Fault]:
    """Yield what contradicts itself in ``report``; it is the `Report` that asks."""
    rows = len(report.layers)
    yield from _of_rows(report.layers)
    if report.unit is not None:
        yield from _uneven(report.unit, len(report.unit.axes), "unit")
    yield from _of_graph(report.graph, len(report.inputs), report.layers)
    yield from _of_timeline(report.timeline, rows)
    yield from _of_units(report.units, rows)
    yield from _of_totals(report.totals, report.layers)


def _of_rows(layers: Sequence[Layer]) -> Iterator[Fault]:
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


def _uneven(field: ReceptiveField | LocalField | Unit, axes: int, place: str) -> Iterator[Fault]:
    for name in _PER_AXIS:
        values = getattr(field, name, None)
        if values is not None:
            yield from _of_length(f"{place}.{name}", len(values), axes, ", one entry an axis")


def _of_length(place: str, length: int, wanted: int, why: str = "") -> Iterator[Fault]:
    if length != wanted:
        yield place, f"expected a list of length {wanted}{why}, got {length}"


def _of_graph(graph: Sequence[tuple[int, int]] | None, inputs: int, layers: Sequence[Layer]) -> Iterator[Fault]:
    """Yield the edges that do not lead from an earlier row, or one of so many ``inputs``, to a later row."""
    for i, (source, target) in enumerate(graph or ()):
        inside = -inputs <= source < len(layers) and 0 <= target < len(layers)
        # What a loop hands on to its next round, or reads in a later one, goes back to an earlier row.
        if not inside or (source >= target and layers[target].runs == 1):
            yield f"graph[{i}]", f"expected two rows, the earlier one first, got {source} and {target}"


def _of_timeline(lines: Timelines | None, rows: int) -> Iterator[Fault]:
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


def _of_units(units: RowsUnits | None, rows: int) -> Iterator[Fault]:
    """Yield where ``units`` do not fit so many ``rows``, or contradict themselves."""
    if units is None:
        return
    yield from _of_length("units.layers", len(units.layers), rows, ", one entry a row")
    for i, number in enumerate(units.layers):
        if number is not None and number >= len(units.distinct):
            yield f"units.layers[{i}]", f"expected one of {len(units.distinct)}, got {number}"
    for i, one in enumerate(units.distinct):
        yield from _of_row(one, f"units.distinct[{i}]")


def _of_row(units: Units, place: str) -> Iterator[Fault]:
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


def _of_totals(totals: Totals, layers: Sequence[Layer]) -> Iterator[Fault]:
    """Yield the totals that are not what the rows add up to."""
    sums: dict[str, int | None] = {name: sum(getattr(layer, name) for layer in layers) for name in WEIGHTS}
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
