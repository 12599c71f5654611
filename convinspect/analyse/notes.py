"""What a reader of the numbers must know: bounds, modules that never ran, weights that are shared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from convinspect.analyse.rows import Row
from convinspect.analyse.runs import folded_notes
from convinspect.records import ModuleCall, Note, Trace
from convinspect.report import Uncounted


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
            if row.parent is not None and row.parent.module is not None and row.parent.module.builtin:
                continue  # torch's own attention reads the weights of a module that it never calls
            yield Note(
                "never_called",
                f"{row.path} ({row.module.type}) was never called: its weights were used without it",
                row.path,
            )
        elif row.parent is None or row.parent.call is not None:
            yield Note("never_ran", f"{row.path} ({row.module.type}) never ran", row.path)


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
