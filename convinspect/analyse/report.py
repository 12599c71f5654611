"""The whole report of one trace, with its optional sections and what a reader of the numbers must know."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from convinspect.analyse.layers import layers_of
from convinspect.analyse.rows import Row, rows_of
from convinspect.analyse.runs import folded_notes, loops_folded
from convinspect.records import Failure, ModuleCall, Note, OpCall, Timelines, Trace, Units
from convinspect.records.memory import renamed
from convinspect.report import Edge, Layer, Report, RowsUnits, Tensor, TotalMemory, Totals, Uncounted
from convinspect.spec import Section
from convinspect.tree import add_up, totals_of


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
        **{section: _SECTIONS[section](trace, rows) for section in sections},
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
    sums = add_up(layers)
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


def _edges(_: Trace, rows: Sequence[Row]) -> tuple[Edge, ...]:
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


def _timelines(trace: Trace, rows: Sequence[Row]) -> Timelines | None:
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


def _units(_: Trace, rows: Sequence[Row]) -> RowsUnits:
    """Return what every unit of each row sees, alike ones once."""
    places: dict[Units, int] = {}
    of = [row.call.units if row.call is not None else None for row in rows]
    layers = tuple(None if units is None else places.setdefault(units, len(places)) for units in of)
    return RowsUnits(layers, tuple(places))


_SECTIONS: Mapping[Section, Callable[[Trace, Sequence[Row]], Any]] = {
    "graph": _edges,
    "timeline": _timelines,
    "units": _units,
}


def uncounted_of(rows: list[Row]) -> tuple[Uncounted, ...]:
    """Return the operators whose MACs are not known, by the module that they ran in."""
    counts = Counter((op, row.path) for row in rows for op in row.uncounted)
    return tuple(Uncounted(op, path, count) for (op, path), count in counts.items())


def notes_of(trace: Trace, rows: list[Row]) -> tuple[Note, ...]:
    """Return the notes of the trace itself, then those that follow from its rows."""
    notes = [*trace.notes, *_bounds(rows)]
    if trace.ran and trace.failure is None:
        silent = {note.path for note in trace.notes if note.code == "silent_modules"}
        notes += _never_ran(row for row in rows if row.path not in silent)
    return (*notes, *_shared(rows), *_unregistered(rows), *folded_notes(rows))


def _bounds(rows: list[Row]) -> Iterator[Note]:
    ops = Counter(op for row in rows for op in row.uncounted)
    if ops:
        names = ", ".join(f"{op} ({count}x)" if count > 1 else op for op, count in ops.items())
        yield Note("macs_lower_bound", f"MACs are a lower bound: no rule says what these operators cost: {names}")


def _never_ran(rows: Iterable[Row]) -> Iterator[Note]:
    for row in rows:
        if row.call is not None or row.module is None:
            continue
        if any(weight.used for weight in row.weights):
            if row.module.container and row.module.builtin:
                continue  # a list of parameters is there to be read, and of an unknown class nothing is known
            if row.parent is not None and row.parent.module is not None and row.parent.module.builtin:
                continue  # torch's own attention reads the weights of a module that it never calls
            yield Note(
                "never_called",
                f"{row.path} ({row.module.type}) was never called: its weights were used without it",
                row.path,
            )
        elif row.parent is None or row.parent.call is not None:
            said = "was never read" if row.module.type in ("ParameterDict", "ParameterList") else "never ran"
            yield Note("never_ran", f"{row.path} ({row.module.type}) {said}", row.path)


def _shared(rows: list[Row]) -> Iterator[Note]:
    runs = Counter(row.path for row in rows if isinstance(row.call, ModuleCall))
    for row in rows:
        if not row.owns_weights:
            continue
        for weight in row.weights:
            if weight.tied_to is not None:
                owner = weight.tied_to or "the model"
                yield Note("shared", f"{row.path}.{weight.name} is shared with {owner} and counted there", row.path)
        if runs[row.path] > 1 and row.weights:
            yield Note("reused", f"{row.path} ran {runs[row.path]} times: its weights are counted once", row.path)


def _unregistered(rows: list[Row]) -> Iterator[Note]:
    calls = (row.call for row in rows if isinstance(row.call, ModuleCall) and row.call.unregistered)
    for path, elements in {call.path: call.unregistered for call in calls}.items():
        yield Note(
            "unregistered",
            f"{path} runs but is not registered in the model (kept in a plain list?): "
            f"its parameters, {elements:,}, are not counted",
            path,
        )
