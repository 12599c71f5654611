"""A report cut off at a depth: what lies deeper is folded into the module that encloses it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from convinspect.report import Layer, LayerMemory, Report


def at_depth(report: Report, depth: int) -> Report:
    """Return ``report`` with the rows deeper than ``depth`` folded into their ancestor at that depth.

    The ancestor becomes a leaf whose own parameters, MACs, buffers, bytes and memory are the sums of what it
    took in, so the rows still add up to the totals. Depth 0 leaves the model itself.
    """
    kept: list[Layer] = []
    folded: list[Layer] = []
    for layer in report.layers:
        if kept and layer.depth > depth:
            folded.append(layer)
            continue
        _close(kept, folded)
        kept.append(layer)
    _close(kept, folded)
    return replace(report, layers=tuple(kept))


def _close(kept: list[Layer], folded: list[Layer]) -> None:
    if folded:
        kept[-1] = _fold(kept[-1], folded)
        folded.clear()


def _fold(parent: Layer, below: list[Layer]) -> Layer:
    rows = [parent, *below]
    ran = [row for row in rows if row.call]
    return replace(
        parent,
        leaf=True,
        params=sum(row.params for row in rows),
        trainable_params=sum(row.trainable_params for row in rows),
        buffers=sum(row.buffers for row in rows),
        param_bytes=sum(row.param_bytes for row in rows),
        buffer_bytes=sum(row.buffer_bytes for row in rows),
        macs=_known(row.macs for row in rows),
        memory=LayerMemory(
            _all_known(row.memory.allocated_bytes for row in ran),
            _all_known(row.memory.saved_bytes for row in ran),
        ),
    )


def _known(values: Iterable[int | None]) -> int | None:
    """Return the sum of the known ``values``; ``None`` only where none is known.

    Whether a sum of MACs is a lower bound is said by ``macs_status``, which folding does not change.
    """
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _all_known(values: Iterable[int | None]) -> int | None:
    """Return the sum of ``values``; ``None`` where one is not known, for bytes have no mark of a bound."""
    listed = list(values)
    known = [value for value in listed if value is not None]
    return sum(known) if listed and len(known) == len(listed) else None
