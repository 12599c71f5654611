"""The rows of a report added up, and the memory of the whole run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from convinspect.records import Bytes, Count, TotalMemory
from convinspect.report.rows import MacsStatus


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
