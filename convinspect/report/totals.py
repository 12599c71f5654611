"""The rows of a report added up, and the memory of the whole run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from convinspect.records import Bytes, Count, Measured, Peak, TrainingMemory
from convinspect.report.rows import MacsStatus


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
class Totals:
    """The rows added up; ``flops`` are 2 a MAC, 8 a complex one; ``bytes_by_dtype`` splits ``weight_bytes``."""

    params: Count
    trainable_params: Count
    non_trainable_params: Count
    buffers: Count
    param_bytes: Bytes
    buffer_bytes: Bytes
    weight_bytes: Bytes
    macs: Count | None
    flops: Count | None
    macs_status: MacsStatus
    memory: TotalMemory
    bytes_by_dtype: Mapping[str, Bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Uncounted:
    """An operator whose MACs are not known: how often it ran under ``path``."""

    op: str
    path: str
    count: Count
