"""One row of a report: what a layer, or an operator outside any leaf module, is and costs; and the rows added up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from convinspect.records import Attributes, Bytes, Count, ReceptiveField, TensorRecord, TotalMemory, Units

MacsStatus: TypeAlias = Literal["exact", "lower_bound", "unknown"]


# What rows have of weights, each its own.
WEIGHTS = ("params", "trainable_params", "buffers", "param_bytes", "buffer_bytes")


@dataclass(frozen=True, slots=True)
class Shape:
    """What a layer was given."""

    shape: tuple[Count, ...]
    dtype: str


@dataclass(frozen=True, slots=True)
class LayerMemory:
    """Bytes that a layer newly allocates (0 for views and in-place) and keeps for the backward pass."""

    allocated_bytes: Bytes | None
    saved_bytes: Bytes | None


@dataclass(frozen=True, slots=True)
class Layer:
    """One row. ``params``, ``buffers`` and their bytes are its own, each counted once in the whole report.

    ``call`` counts the runs of a module from 1; 0 is a module that never ran. A ``function`` row is an
    operator that ran outside any leaf module; its ``path`` is its parent's. ``macs`` are the row's own,
    ``macs_total`` and ``params_total`` include everything below it, and ``macs_status`` speaks of the total.
    ``attributes`` are the settings of the operator that ran, of a module where it is one layer.
    ``complex_macs`` are those of ``macs`` that multiply and add complex numbers. ``runs``: how often the operator of a
    function row ran, where a loop is one row; costs are the sums of all runs, fields their range.
    """

    path: str
    call: Count
    kind: Literal["module", "function"]
    type: str
    depth: Count
    leaf: bool
    inputs: tuple[Shape, ...]
    outputs: tuple[TensorRecord, ...]
    params: Count
    trainable_params: Count
    buffers: Count
    param_bytes: Bytes
    buffer_bytes: Bytes
    params_total: Count
    shared_with: str | None
    macs: Count | None
    macs_total: Count | None
    macs_status: MacsStatus
    memory: LayerMemory
    receptive_field: ReceptiveField | None
    # Not a part of the hash: a mapping has none.
    attributes: Attributes = field(default_factory=Attributes, hash=False)
    complex_macs: Count = 0
    runs: Count = 1

    @property
    def flops(self) -> int | None:
        """The row's own: 2 a MAC, 8 where both numbers are complex (four products and four sums)."""
        return None if self.macs is None else 2 * self.macs + 6 * self.complex_macs


@dataclass(frozen=True, slots=True)
class RowsUnits:
    """What every unit of each row's output sees: for each of ``layers`` a place in ``distinct``, or ``None``."""

    layers: tuple[Count | None, ...]
    distinct: tuple[Units, ...]


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
