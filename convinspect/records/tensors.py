"""Tensors on record: shape, dtype, bytes; and arguments of operators with the tensors in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from convinspect.records.fields import ReceptiveField
from convinspect.records.numbers import Bytes, Count


@dataclass(frozen=True, slots=True)
class TensorRecord:
    """One tensor: ``shape``, ``dtype`` as torch names it without the prefix (``float32``), ``bytes``.

    ``receptive_field`` is that of a row's output (``None``: it does not depend on the followed input).
    """

    shape: tuple[Count, ...]
    dtype: str
    bytes: Bytes
    receptive_field: ReceptiveField | None = None


@dataclass(frozen=True, slots=True)
class SparseRecord(TensorRecord):
    """A sparse tensor: ``stored`` elements are multiplied (``None``: not known, for some stand at one place)."""

    stored: Count | None = None


@dataclass(frozen=True, slots=True)
class NestedRecord(TensorRecord):
    """Tensors of several shapes in one, packed: ``sizes`` are the shapes of each."""

    sizes: tuple[tuple[Count, ...], ...] = ()


Value: TypeAlias = "TensorRecord | int | float | bool | str | tuple[Value, ...] | None"


@dataclass(frozen=True, slots=True)
class NamedTensor:
    """A tensor that goes into or comes out of the model, with the name that the report gives it."""

    name: str
    record: TensorRecord
