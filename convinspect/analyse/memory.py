"""The report's bytes: what the storages of a run showed, row by row and in total."""

from __future__ import annotations

from collections.abc import Iterable

from convinspect.analyse.rows import Row
from convinspect.records import ModuleCall, Trace, TrainingStep
from convinspect.report import LayerMemory, TotalMemory, TrainingMemory


def row_memory(row: Row) -> LayerMemory:
    """Return what the row's operators newly allocate, and what a training step saves in it."""
    if row.call is None:
        return LayerMemory(None, None)
    saved = [op.saved_bytes for op in row.ops]
    if isinstance(row.call, ModuleCall):
        saved.append(row.call.saved_bytes)
    return LayerMemory(_sum(op.allocated_bytes for op in row.ops), _sum(saved))


def total_memory(trace: Trace, weight_bytes: int) -> TotalMemory:
    """Return the totals; ``weight_bytes`` are those of the rows, for a trace without a run."""
    memory = trace.memory
    if memory is None:
        inputs = sum(named.record.bytes for named in trace.inputs)
        return TotalMemory(inputs, weight_bytes, None, None, None)
    return TotalMemory(
        input_bytes=memory.input_bytes,
        weight_bytes=memory.weight_bytes,
        inference_peak_bytes=memory.inference.bytes if memory.inference else None,
        training=_training(memory.training) if memory.training else None,
        measured=memory.measured,
        inference_peak=memory.inference,
        inference_peak_blocks_bytes=memory.inference_blocks_bytes,
    )


def _training(step: TrainingStep) -> TrainingMemory:
    return TrainingMemory(
        optimizer=step.optimizer,
        gradient_bytes=step.gradient_bytes,
        optimizer_bytes=step.optimizer_bytes,
        saved_bytes=step.saved_bytes,
        peak_bytes=step.peak.bytes,
        amp=step.amp,
        peak=step.peak,
    )


def _sum(values: Iterable[int | None]) -> int | None:
    """Add up; one value that is not known makes the sum not known."""
    total = 0
    for value in values:
        if value is None:
            return None
        total += value
    return total
