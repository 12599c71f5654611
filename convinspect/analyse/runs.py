"""Loops: an operator that runs many times alike in one call of a module is one row."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import replace

from convinspect.analyse.fields import field_of_outputs
from convinspect.analyse.rows import Row
from convinspect.ops import attributes_of, results_of
from convinspect.records import Note, OpCall, TensorRecord, Value

# So many rows of one operator in one call of a module are still read one by one.
MOST = 64


def loops_folded(rows: list[Row]) -> list[Row]:
    """Return ``rows`` with one in the place of the first for all that ran alike in a loop: it takes their calls."""
    near = _grouped(rows, lambda row, call: (id(row.parent), call.op))
    loops = [runs for several in near for runs in _grouped(several, _kind)]
    for first, *others in loops:
        for row in others:
            first.ops += row.ops
            first.places += row.places
            first.own_macs += row.own_macs
            first.complex_macs += row.complex_macs
            first.uncounted += row.uncounted
    gone = {id(row) for _, *others in loops for row in others}
    return [row for row in rows if id(row) not in gone]


def _grouped(rows: Iterable[Row], kind: Callable[[Row, OpCall], Hashable]) -> list[list[Row]]:
    """Return those of ``rows`` that are one operator each, by their ``kind``, where more than `MOST` are of one."""
    groups: dict[Hashable, list[Row]] = {}
    for row in rows:
        if isinstance(row.call, OpCall):
            groups.setdefault(kind(row, row.call), []).append(row)
    return [group for group in groups.values() if len(group) > MOST]


def runs_of(row: Row) -> int:
    """Return how often the operator of ``row`` ran; 1 for a module."""
    return len(row.ops) if isinstance(row.call, OpCall) else 1


def outputs_of_runs(row: Row) -> tuple[TensorRecord, ...]:
    """Return what each run of the row's operator gives, which is alike but for the range of its receptive fields."""
    runs = [results_of(op) for op in row.ops]
    return tuple(replace(same[0], receptive_field=field_of_outputs(same, "run")) for same in zip(*runs, strict=True))


def folded_notes(rows: Iterable[Row]) -> list[Note]:
    """Return the note that rows stand for more runs than one, where they do."""
    loops = [row for row in rows if runs_of(row) > 1]
    if not loops:
        return []
    runs = sum(map(runs_of, loops))
    message = (
        f"operators that ran more than {MOST} times alike in one call of a module are one row each: "
        f"{runs:,} runs in {len(loops)} {'rows, which have' if len(loops) > 1 else 'row, which has'} their sums"
    )
    return [Note("loops_folded", message)]


def _kind(_: Row, call: OpCall) -> Hashable:
    """Return what the rows of one loop have in common besides their operator and where it runs."""
    given = tuple(_shapes(value) for value in call.args.values())
    made = tuple((output.shape, output.dtype) for output in call.outputs)
    return given, made, tuple(attributes_of(call).items())


def _shapes(value: Value) -> Hashable:
    if isinstance(value, TensorRecord):
        return value.shape, value.dtype
    return tuple(map(_shapes, value)) if isinstance(value, tuple) else None
