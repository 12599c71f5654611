"""Bytes that were alive in a run: the life of each allocation, where the peaks fall, what they are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

from msgspec import Meta

from convinspect.records.numbers import Bytes, Count

Phase: TypeAlias = Literal["forward", "backward", "step"]
AliveKind: TypeAlias = Literal[
    "weights", "inputs", "gradients", "optimizer", "saved", "outputs", "activations", "temporaries"
]


@dataclass(frozen=True, slots=True)
class Alive:
    """Bytes of one kind that are alive at a peak; ``path``, ``call`` and ``op`` say which row made them.

    Weights, inputs, gradients and optimizer states are told in one sum each, with an empty ``path`` and no ``op``.
    """

    kind: AliveKind
    path: str
    call: Count
    op: str | None
    bytes: Bytes


@dataclass(frozen=True, slots=True)
class Peak:
    """The most bytes that were alive at once: during ``op``, run by call number ``call`` of the module ``path``.

    ``by_kind`` and ``alive`` (largest first) each add up to ``bytes``. In the backward ``phase`` the row is the one
    whose gradient is computed, and ``op`` the operator that computes it.
    """

    bytes: Bytes
    phase: Phase
    path: str
    call: Count
    op: str | None
    by_kind: Mapping[str, Bytes]
    alive: tuple[Alive, ...]


@dataclass(frozen=True, slots=True)
class TrainingMemory:
    """One whole training step as the allocator sees it: forward, backward and the optimizer's step.

    ``saved_bytes`` lives from the forward to the backward pass (weights, inputs and outputs that nobody saves are not
    counted); ``peak`` says where ``peak_bytes`` fall and what is alive there. ``amp`` is the dtype of autocast, or
    ``None``.
    """

    optimizer: str
    gradient_bytes: Bytes
    optimizer_bytes: Bytes
    saved_bytes: Bytes
    peak_bytes: Bytes
    amp: str | None = None
    peak: Peak | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    """What the allocator of the device itself counted during the same forward, in bytes.

    ``workspace_bytes`` is what libraries keep allocated for themselves. ``estimate_bytes`` is the peak by liveness
    of that run with every storage rounded up to the allocator's blocks of ``block_bytes``; ``difference_percent``
    what was allocated beyond the two, in percent of the estimate.
    """

    allocated_bytes: Bytes
    reserved_bytes: Bytes
    workspace_bytes: Bytes
    estimate_bytes: Bytes
    block_bytes: Bytes
    difference_percent: float


@dataclass(frozen=True, slots=True)
class TotalMemory:
    """Bytes of the whole run; ``None`` where they are not known.

    ``weight_bytes`` counts each storage once. ``inference_peak`` says where ``inference_peak_bytes`` fall and what
    is alive there: weights, inputs, and the activations by the row that made them. ``inference_peak_blocks_bytes`` is
    the peak with every storage rounded up to 512 bytes, as CUDA's caching allocator gives them out.
    """

    input_bytes: Bytes
    weight_bytes: Bytes
    inference_peak_bytes: Bytes | None
    training: TrainingMemory | None
    measured: Measured | None
    inference_peak: Peak | None = None
    inference_peak_blocks_bytes: Bytes | None = None


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
