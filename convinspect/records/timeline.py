"""What was alive at every moment of a run: the life of each allocation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from convinspect.records.memory import AliveKind, Phase
from convinspect.records.numbers import Bytes, Count


@dataclass(frozen=True, slots=True)
class Moment:
    """One operator that ran: ``owner`` is the row that it belongs to, by its place (-1: none); see `Timeline`."""

    phase: Phase
    owner: Annotated[int, Meta(ge=-1)]
    op: str


@dataclass(frozen=True, slots=True)
class Lifetime:
    """Storages of ``bytes`` that ``op`` of ``owner`` made: alive after the moments from ``born`` until before ``died``.

    ``died`` is ``None`` for what is there when the run is over. What came and went together is one lifetime; what was
    there before the run has no ``op``, and no ``owner``.
    """

    kind: AliveKind
    bytes: Bytes
    owner: Annotated[int, Meta(ge=-1)]
    op: str | None
    born: Count
    died: Count | None


@dataclass(frozen=True, slots=True)
class Timeline:
    """All moments of a run in order, and what was alive in them.

    Owners are places in ``Trace.calls``; in a report they are places in its ``layers``.
    """

    moments: tuple[Moment, ...]
    allocations: tuple[Lifetime, ...]


@dataclass(frozen=True, slots=True)
class Timelines:
    """The timelines of a report: of the forward without gradients, and of one whole step of training."""

    inference: Timeline
    training: Timeline | None


def renamed(timeline: Timeline, place: Mapping[int, int]) -> Timeline:
    """Return ``timeline`` with every owner at its ``place`` in another list of calls; -1 where it has none."""
    return Timeline(
        tuple(Moment(one.phase, place.get(one.owner, -1), one.op) for one in timeline.moments),
        tuple(
            Lifetime(one.kind, one.bytes, place.get(one.owner, -1), one.op, one.born, one.died)
            for one in timeline.allocations
        ),
    )
