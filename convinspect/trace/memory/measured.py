"""What the CUDA allocator itself counts during a forward, beside the estimate and never in its place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from convinspect.records import Measured
from convinspect.tensors.registered import registered_tensors
from convinspect.trace.memory.live import BLOCK_BYTES
from convinspect.trace.memory.timeline import Timeline


class Measurement:
    """One run on a CUDA device, measured from when this is made until `record`.

    The allocator's peak statistics of the device start anew, and its unused blocks are given back.
    """

    def __init__(self, device: torch.device, timeline: Timeline) -> None:
        self._device = device
        self._timeline = timeline
        torch.cuda.synchronize(device)
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
        # What else is on the device; a model of which a part is elsewhere has none here.
        self._others = max(torch.cuda.memory_allocated(device) - timeline.live_in_blocks(BLOCK_BYTES), 0)
        self._allocated = self._reserved = 0

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Run the block, which allocates nothing that is the run's own."""
        self._note_peaks()
        try:
            yield
        finally:
            torch.cuda.synchronize(self._device)
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats(self._device)

    def _note_peaks(self) -> None:
        torch.cuda.synchronize(self._device)
        self._allocated = max(self._allocated, torch.cuda.max_memory_allocated(self._device))
        self._reserved = max(self._reserved, torch.cuda.max_memory_reserved(self._device))

    def record(self) -> Measured:
        """Return what the run took, while its results are alive.

        What else lay on the device (other models, other tensors) is not counted. ``workspace_bytes`` is what is
        still allocated and no tensor's: cuBLAS keeps its workspace for the next run. What cuDNN takes within one
        operator is in the difference.
        """
        self._note_peaks()
        kept = torch.cuda.memory_allocated(self._device) - self._others
        return compare(
            allocated=self._allocated - self._others,
            reserved=self._reserved,
            workspace=max(kept - self._timeline.live_in_blocks(BLOCK_BYTES), 0),
            estimate=self._timeline.peak_in_blocks(BLOCK_BYTES),
        )


def compare(*, allocated: int, reserved: int, workspace: int, estimate: int) -> Measured:
    """Return the measured bytes beside the ``estimate``, with the difference that the workspace does not explain."""
    beyond = allocated - workspace - estimate
    return Measured(
        allocated_bytes=allocated,
        reserved_bytes=reserved,
        workspace_bytes=workspace,
        estimate_bytes=estimate,
        block_bytes=BLOCK_BYTES,
        difference_percent=round(100 * beyond / estimate, 2) if estimate else 0.0,
    )


def measuring(model: nn.Module, timeline: Timeline) -> Measurement | None:
    """Begin to measure where all weights of ``model`` are on one CUDA device; anywhere else return ``None``."""
    devices = {tensor.device for tensor in registered_tensors(model)}
    alone = next(iter(devices)) if len(devices) == 1 else None
    return Measurement(alone, timeline) if alone is not None and alone.type == "cuda" else None
