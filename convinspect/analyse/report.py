"""The whole report of one trace, with its optional sections."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from convinspect.analyse.layers import layers_of
from convinspect.analyse.notes import notes_of, uncounted_of
from convinspect.analyse.rows import Row, rows_of
from convinspect.analyse.runs import loops_folded
from convinspect.records import Failure, OpCall, Timelines, Trace, Units
from convinspect.records.memory import renamed
from convinspect.report import Edge, Layer, Report, RowsUnits, Tensor, TotalMemory, Totals
from convinspect.spec import Section
from convinspect.tree import total, totals_of


def analyse(trace: Trace, sections: tuple[Section, ...] = ()) -> Report:
    """Return the report of ``trace`` with the ``sections`` that it was made with."""
    rows = loops_folded(rows_of(trace))
    layers = layers_of(trace, rows)
    return Report(
        tool=trace.tool,
        model=trace.model,
        run=trace.run,
        inputs=tuple(map(Tensor.of, trace.inputs)),
        outputs=tuple(map(Tensor.of, trace.outputs)),
        layers=layers,
        totals=_totals(trace, layers),
        warnings=notes_of(trace, rows),
        uncounted=uncounted_of(rows),
        unit=trace.unit,
        failure=_failure(trace, layers),
        graph=edges_of(rows) if "graph" in sections else None,
        timeline=timelines_of(trace, rows) if "timeline" in sections else None,
        units=units_of(rows) if "units" in sections else None,
    )


def _failure(trace: Trace, layers: tuple[Layer, ...]) -> Failure | None:
    """Return why the forward stopped, with the function that raised where it has a row: then that is the last one."""
    last = trace.calls[-1] if trace.calls else None
    if trace.failure is None or not isinstance(last, OpCall) or not last.failed:
        return trace.failure
    functions = [layer for layer in layers if layer.kind == "function"]
    has_row = functions and not functions[-1].outputs and functions[-1].path == trace.failure.path
    return replace(trace.failure, op=functions[-1].type if has_row else None)


def _totals(trace: Trace, layers: tuple[Layer, ...]) -> Totals:
    sums = total(layers)
    inputs = sum(named.record.bytes for named in trace.inputs)
    memory = trace.memory or TotalMemory(inputs, sums.weight_bytes, None, None, None)  # of a trace without a run
    return totals_of(sums, memory, _bytes_by_dtype(trace))


def _bytes_by_dtype(trace: Trace) -> dict[str, int]:
    sizes: Counter[str] = Counter()
    for module in trace.modules:
        for weight in (*module.params, *module.buffers):
            if weight.tied_to is None:
                for dtype, size in weight.parts or ((weight.dtype, weight.bytes),):
                    sizes[dtype] += size
    return dict(sorted(sizes.items()))


def edges_of(rows: Sequence[Row]) -> tuple[Edge, ...]:
    """Return the edges ``(from, to)`` by the rows' places, each once, in the order in which rows read; see `Report`."""
    made_in: dict[int, int] = {}
    passed_on: dict[int, int | None] = {}
    found: dict[Edge, None] = {}
    for number, row in enumerate(rows):
        for op, call in zip(row.ops, row.places, strict=True):
            if row.leaf:
                made_in[call] = number
            else:  # what has no row of its own hands on what it was given
                passed_on[call] = op.sources[0] if op.sources else None
    for number, row in enumerate(rows):
        for op in row.ops if row.leaf else ():
            for source in op.sources:
                origin: int | None = source
                while origin is not None and origin in passed_on:
                    origin = passed_on[origin]
                if origin is not None:
                    found[origin if origin < 0 else made_in[origin], number] = None
    return tuple(edge for edge in found if edge[0] != edge[1])


def timelines_of(trace: Trace, rows: Sequence[Row]) -> Timelines | None:
    """Return the timelines of ``trace``; what has no row of its own belongs to the row that it ran in."""
    if trace.timelines is None:
        return None
    row_of = {id(row.call): number for number, row in enumerate(rows) if row.call is not None}
    place = {index: number for number, row in enumerate(rows) for index in row.places}
    for index, call in enumerate(trace.calls):
        found = place.get(index, row_of.get(id(call), place.get(call.parent)))
        if found is not None:
            place[index] = found
    inference, training = trace.timelines.inference, trace.timelines.training
    return Timelines(renamed(inference, place), renamed(training, place) if training is not None else None)


def units_of(rows: Sequence[Row]) -> RowsUnits:
    """Return what every unit of each row sees, alike ones once."""
    places: dict[Units, int] = {}
    of = [row.call.units if row.call is not None else None for row in rows]
    layers = tuple(None if units is None else places.setdefault(units, len(places)) for units in of)
    return RowsUnits(layers, tuple(places))
