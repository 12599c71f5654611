"""The report: the one value that every renderer and check takes, and the JSON that scripts read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from convinspect.codec import DecodeError, decode, encode
from convinspect.errors import UsageError
from convinspect.records import Measured, Model, NamedTensor, Note, Peak, ReceptiveField, Run, TensorRecord, Tool, Unit

SCHEMA = "convinspect.report/1"

MacsStatus: TypeAlias = Literal["exact", "lower_bound", "unknown"]


@dataclass(frozen=True, slots=True)
class Tensor:
    """A model input or output: ``name`` as the caller knows it, ``bytes`` of its elements."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    bytes: int

    @classmethod
    def of(cls, named: NamedTensor) -> Tensor:
        """Return ``named`` in the report's form."""
        return cls(named.name, named.record.shape, named.record.dtype, named.record.bytes)


@dataclass(frozen=True, slots=True)
class Shape:
    """What a layer was given."""

    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True, slots=True)
class LayerMemory:
    """Bytes that a layer newly allocates (0 for views and in-place) and keeps for the backward pass."""

    allocated_bytes: int | None
    saved_bytes: int | None


@dataclass(frozen=True, slots=True)
class Layer:
    """One row. ``params``, ``buffers`` and their bytes are its own, each counted once in the whole report.

    ``call`` counts the runs of a module from 1; 0 is a module that never ran. A ``function`` row is an
    operator that ran outside any leaf module; its ``path`` is its parent's. ``macs`` are the row's own,
    ``macs_total`` and ``params_total`` include everything below it, and ``macs_status`` speaks of the total.
    """

    path: str
    call: int
    kind: Literal["module", "function"]
    type: str
    depth: int
    leaf: bool
    inputs: tuple[Shape, ...]
    outputs: tuple[TensorRecord, ...]
    params: int
    trainable_params: int
    buffers: int
    param_bytes: int
    buffer_bytes: int
    params_total: int
    shared_with: str | None
    macs: int | None
    macs_total: int | None
    macs_status: MacsStatus
    memory: LayerMemory
    receptive_field: ReceptiveField | None


@dataclass(frozen=True, slots=True)
class TrainingMemory:
    """One whole training step: forward, backward and the optimizer's step.

    ``saved_bytes`` lives from the forward to the backward pass; ``peak`` says where ``peak_bytes`` fall and what is
    alive there. ``amp`` is the dtype of autocast, or ``None``.
    """

    optimizer: str
    gradient_bytes: int
    optimizer_bytes: int
    saved_bytes: int
    peak_bytes: int
    amp: str | None = None
    peak: Peak | None = None


@dataclass(frozen=True, slots=True)
class TotalMemory:
    """Bytes of the whole run; ``None`` where they are not known.

    ``weight_bytes`` counts each storage once. ``inference_peak`` says where ``inference_peak_bytes`` fall and what
    is alive there: weights, inputs, and the activations by the row that made them. ``inference_peak_blocks_bytes`` is
    the peak with every storage rounded up to 512 bytes, as CUDA's caching allocator gives them out.
    """

    input_bytes: int
    weight_bytes: int
    inference_peak_bytes: int | None
    training: TrainingMemory | None
    measured: Measured | None
    inference_peak: Peak | None = None
    inference_peak_blocks_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Totals:
    """The rows added up; ``flops`` is ``2 * macs``; ``bytes_by_dtype`` splits ``weight_bytes``."""

    params: int
    trainable_params: int
    non_trainable_params: int
    buffers: int
    param_bytes: int
    buffer_bytes: int
    weight_bytes: int
    macs: int | None
    flops: int | None
    macs_status: MacsStatus
    memory: TotalMemory
    bytes_by_dtype: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Uncounted:
    """An operator whose MACs are not known: how often it ran under ``path``."""

    op: str
    path: str
    count: int


@dataclass(frozen=True, slots=True)
class Report:
    """What a network is, row by row in order of execution, and in total; ``unit``: the one that was asked for."""

    tool: Tool
    model: Model
    run: Run
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    layers: tuple[Layer, ...]
    totals: Totals
    warnings: tuple[Note, ...]
    uncounted: tuple[Uncounted, ...]
    unit: Unit | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON document as dicts, lists, ints, floats, strings and ``None``."""
        return {"schema": SCHEMA, **encode(self)}

    @classmethod
    def from_dict(cls, document: Any) -> Report:
        """Return the report that `to_dict` made ``document`` from.

        Raises `UsageError` where the document is not a report of this schema.
        """
        schema = document.get("schema") if isinstance(document, dict) else None
        if schema != SCHEMA:
            message = f"not a {SCHEMA} document (schema: {schema!r})"
            raise UsageError(
                message, "save one with: convinspect summary MODEL --input ... --json --output report.json"
            )
        try:
            return decode(cls, document)
        except DecodeError as error:
            message = f"a damaged report: {error}"
            raise UsageError(message) from None

    def to_json(self, *, ascii_only: bool = False) -> str:
        """Return the document as indented JSON text without a line break at its end."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=ascii_only)
