"""The operators of a training step and those of the report's forward: which of them are the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

from convinspect.records import ModuleCall, OpCall
from convinspect.trace.memory.live import where
from convinspect.trace.memory.timeline import START, Allocation

SavedBy: TypeAlias = tuple[str, int, str, int]


def by_operator(kept: Iterable[Allocation], calls: Sequence[ModuleCall | OpCall]) -> dict[SavedBy, int]:
    """Return the bytes of ``kept`` by the operator that made them, named so that another run's can be found."""
    bytes_of: Counter[int] = Counter()
    for allocation in kept:
        bytes_of[allocation.owner] += allocation.bytes
    return {name: bytes_of[index] for index, name in names_of(calls) if index in bytes_of}


def names_of(calls: Sequence[ModuleCall | OpCall]) -> Iterator[tuple[int, SavedBy]]:
    """Yield the index of every operator of ``calls`` with a name that the same operator has in another run."""
    ran: dict[tuple[str, int, str], int] = {}
    for index, call in enumerate(calls):
        if isinstance(call, OpCall):
            path, number, _ = where(index, calls)
            before = ran.get(name := (path, number, call.op), 0)
            ran[name] = before + 1
            yield index, (*name, before)


def same_calls(calls: Sequence[ModuleCall | OpCall], others: Sequence[ModuleCall | OpCall]) -> dict[int, int]:
    """Return for the calls of one run their places in another's; an operator that ran in one alone is its module's."""
    named = {name: index for index, name in names_of(others)}
    modules = {(call.path, call.number): index for index, call in enumerate(others) if isinstance(call, ModuleCall)}
    found: dict[int, int] = {}
    for index, name in names_of(calls):
        place = named.get(name, modules.get(name[:2], START))
        if place != START:
            found[index] = place
    return found


def with_saved(calls: Sequence[ModuleCall | OpCall], saved: Mapping[SavedBy, int]) -> tuple[ModuleCall | OpCall, ...]:
    """Return ``calls`` with the bytes that the same operators of a training step save.

    What operators save that training alone runs is put down to their module's call, and what modules save that
    training alone runs to the model itself.
    """
    left = dict(saved)
    marked = list(calls)
    for index, name in names_of(calls):
        marked[index] = replace(calls[index], saved_bytes=left.pop(name, 0))
    extra: Counter[tuple[str, int]] = Counter()
    for (path, number, _, _), size in left.items():
        extra[path, number] += size
    for index, call in enumerate(calls):
        if isinstance(call, ModuleCall):
            marked[index] = replace(call, saved_bytes=extra.pop((call.path, call.number), 0))
    first = marked[0] if marked else None
    if isinstance(first, ModuleCall):
        marked[0] = replace(first, saved_bytes=(first.saved_bytes or 0) + sum(extra.values()))
    return tuple(marked)
