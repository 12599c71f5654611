"""Tensors as a pickle describes them: dtype, shape and storage, checked against what the file holds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from convinspect.errors import UsageError
from convinspect.load.inert_pickle import Call, Name, Reference, walk

BYTES = {
    **dict.fromkeys(("float64", "int64", "complex64", "uint64"), 8),
    **dict.fromkeys(("float32", "int32", "uint32", "qint32", "complex32"), 4),
    **dict.fromkeys(("float16", "bfloat16", "int16", "uint16"), 2),
    **dict.fromkeys(("int8", "uint8", "bool", "qint8", "quint8", "quint4x2", "quint2x4", "bits8"), 1),
    **dict.fromkeys(("float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu"), 1),
    "complex128": 16,
}
# By the names of torch's classes without their ending.
_STORAGES = (
    {"Double": "float64", "Float": "float32", "Half": "float16", "BFloat16": "bfloat16"}
    | {"Long": "int64", "Int": "int32", "Short": "int16", "Char": "int8", "Byte": "uint8", "Bool": "bool"}
    | {"Untyped": "uint8", "ComplexDouble": "complex128", "ComplexFloat": "complex64"}
    | {"QInt8": "qint8", "QInt32": "qint32", "QUInt8": "quint8", "QUInt4x2": "quint4x2", "QUInt2x4": "quint2x4"}
)
_MAX_SIZE = 2**63 - 1
_MAX_AXES = 1000  # torch itself has a limit of 64; multiplied, a million large sizes take for ever
_REBUILDS = ("_rebuild_tensor_v2", "_rebuild_tensor_v3", "_rebuild_tensor", "_rebuild_qtensor")


@dataclass(frozen=True, slots=True)
class Storage:
    """A claim of a pickle: ``numel`` elements of ``dtype`` in the record ``key``, saved from ``location``."""

    key: str
    dtype: str
    numel: int
    location: str

    @property
    def bytes(self) -> int:
        """The bytes that the storage claims to have."""
        return self.numel * BYTES[self.dtype]


@dataclass(frozen=True, slots=True)
class TensorClaim:
    """A tensor as a file describes it; equal ``identity`` means the same elements of the same storage."""

    shape: tuple[int, ...]
    dtype: str
    identity: tuple[Any, ...]

    @property
    def numel(self) -> int:
        """How many elements it has."""
        return math.prod(self.shape)

    @property
    def bytes(self) -> int:
        """The bytes of its elements."""
        return self.numel * BYTES[self.dtype]


def storages_in(value: Any) -> dict[str, Storage]:
    """Return all storages that a pickle refers to, by key; raises `UsageError` for a reference of another kind."""
    found: dict[str, Storage] = {}
    for item in walk(value):
        if isinstance(item, Reference):
            storage = _storage(item)
            known = found.get(storage.key)
            if known is None or known.bytes < storage.bytes:
                found[storage.key] = storage
    return found


def check_storages(storages: Mapping[str, Storage], records: Mapping[str, int]) -> None:
    """Raise `UsageError` where a storage claims more than its record (bytes by key) holds."""
    for key, storage in storages.items():
        if storage.location == "meta":  # saved without data
            continue
        if key not in records:
            raise UsageError(f"it refers to tensor data {key}, which it does not hold")
        if storage.bytes > records[key]:
            raise UsageError(f"tensor data {key} claims {storage.bytes:,} bytes and has {records[key]:,}")


def tensor_in(value: Any) -> TensorClaim | None:
    """Return the tensor that ``value`` would be rebuilt to, or ``None`` where it is none.

    Raises `UsageError` where it reaches beyond its storage.
    """
    if not isinstance(value, Call) or not isinstance(value.function, Name) or not isinstance(value.args, tuple):
        return None
    name, args = value.function.dotted, value.args
    if name.startswith("torch._utils._rebuild_parameter") and args:
        return tensor_in(args[0])
    if name == "torch._tensor._rebuild_from_type_v2" and len(args) > 2:  # noqa: PLR2004 - function, type, arguments
        return tensor_in(Call(args[0], args[2]))
    if name == "torch._utils._rebuild_meta_tensor_no_storage" and len(args) > 2:  # noqa: PLR2004
        return TensorClaim(sizes_in(args[1]), _dtype_name(args[0]), identity=(id(value),))
    if not name.startswith("torch._utils.") or name.rpartition(".")[2] not in _REBUILDS:
        return None
    return _rebuilt(name, args)


def sizes_in(value: Any) -> tuple[int, ...]:
    """Return the shape, strides or place that ``value`` describes; raises `UsageError` where it is none."""
    if isinstance(value, Call) and isinstance(value.args, tuple) and len(value.args) == 1:  # torch.Size((2, 3))
        value = value.args[0]
    if (
        isinstance(value, (tuple, list))
        and len(value) <= _MAX_AXES
        and all(type(size) is int and 0 <= size <= _MAX_SIZE for size in value)
    ):
        return tuple(value)
    raise UsageError("it describes a tensor whose shape or place is not made of counts")


def _rebuilt(name: str, args: tuple[Any, ...]) -> TensorClaim:
    if len(args) < 4 or not isinstance(args[0], Reference):  # noqa: PLR2004 - storage, offset, size, stride
        raise UsageError("its pickle describes a tensor without a storage")
    storage, offset, sizes, strides = _storage(args[0]), args[1], sizes_in(args[2]), sizes_in(args[3])
    dtype = _dtype_name(args[6]) if name.endswith("_v3") and len(args) > 6 else storage.dtype  # noqa: PLR2004
    if not isinstance(offset, int) or offset < 0 or len(sizes) != len(strides):
        raise UsageError("its pickle describes a tensor that cannot be")
    last = offset + sum((size - 1) * stride for size, stride in zip(sizes, strides, strict=True))
    if math.prod(sizes) and (last + 1) * BYTES[dtype] > storage.bytes:
        shape = "x".join(map(str, sizes)) or "a scalar"
        raise UsageError(f"a tensor of {shape} {dtype} reaches beyond its data of {storage.bytes:,} bytes")
    return TensorClaim(sizes, dtype, (storage.key, offset, sizes, strides))


def _storage(reference: Reference) -> Storage:
    match reference.key:
        case ("storage", Name(dotted=kind), str(key), str(location), int(numel), *_) if 0 <= numel <= _MAX_SIZE:
            dtype = _STORAGES.get(kind.rpartition(".")[2].removesuffix("Storage"))
            if dtype is not None and kind.startswith("torch.") and kind.endswith("Storage"):
                return Storage(key, dtype, numel, location)
    raise UsageError("its pickle refers to something that is no tensor storage")


def _dtype_name(value: Any) -> str:
    name = value.dotted.removeprefix("torch.") if isinstance(value, Name) else ""
    if name not in BYTES:
        raise UsageError(f"its pickle describes a tensor of unknown dtype {name!r}")
    return name
