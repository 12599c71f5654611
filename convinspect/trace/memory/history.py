"""The timeline of a run as the report tells it: only moments of the phases that count, in one row."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from typing import TypeAlias

from convinspect.records import AliveKind, Lifetime, ModuleCall, Moment, OpCall, Phase, Timeline
from convinspect.trace.memory.live import LiveBytes
from convinspect.trace.memory.timeline import START

# A phase, and its first and one after its last moment.
Span: TypeAlias = tuple[Phase, int, int]


def of_forward(memory: LiveBytes, calls: Sequence[ModuleCall | OpCall]) -> Timeline:
    """Return what was alive during the one forward that ran."""
    return history(memory, [("forward", 0, memory.timeline.now)], calls)


def history(memory: LiveBytes, spans: Sequence[Span], calls: Sequence[ModuleCall | OpCall]) -> Timeline:
    """Return what was alive during ``spans``, which follow each other; moments between them are left out."""
    phases = {moment: phase for phase, start, end in spans for moment in range(start, end)}
    kept = list(phases)
    lives: Counter[tuple[AliveKind, int, int, int | None]] = Counter()
    for one in memory.timeline.allocations():
        born = 0 if one.kind == "optimizer" else bisect_left(kept, one.born)
        died = None if one.died is None else bisect_left(kept, one.died)
        if died is None or died > born:
            lives[one.kind, one.owner, born, died] += one.bytes
    moments = (Moment(phase, memory.owners[at], _op(memory.owners[at], calls)) for at, phase in phases.items())
    allocations = (
        Lifetime(kind, size, owner, _op(owner, calls) or None, born, died)
        for (kind, owner, born, died), size in lives.items()
        if size
    )
    return Timeline(tuple(moments), tuple(allocations))


def _op(call: int, calls: Sequence[ModuleCall | OpCall]) -> str:
    op = calls[call] if call != START else None
    return op.op if isinstance(op, OpCall) else ""
