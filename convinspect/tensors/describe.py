"""Tensors and operator arguments as records: the place where values are left behind."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import cache, lru_cache
from types import FunctionType, MappingProxyType, MethodType, ModuleType
from typing import Any

import torch
from torch import nn

from convinspect.records import NamedTensor, NestedRecord, ReceptiveField, SparseRecord, TensorRecord, Value
from convinspect.tensors.identity import element_bytes, is_plain, stored_in
from convinspect.tensors.operators import results, signature_of
from convinspect.torch_private import nested_sizes, packed_shape, undispatched, unpacked, unwrapped

_PLAIN = (int, float, bool, str, type(None))
# What holds attributes and is nobody's result, or leads anywhere in the process.
_CLOSED = (*_PLAIN, complex, bytes, type, ModuleType, FunctionType, MethodType, nn.Module, torch.dtype, torch.device)
_MOST_OBJECTS = 10_000


@cache
def dtype_name(dtype: torch.dtype) -> str:
    """Return torch's name of ``dtype`` without the prefix: ``float32``."""
    return str(dtype).removeprefix("torch.")


def tensor_record(tensor: torch.Tensor, field: ReceptiveField | None = None) -> TensorRecord:
    """Return shape, dtype and the bytes of the tensor's elements (of a sparse tensor: indices and values).

    ``field`` goes with them.
    """
    if is_plain(tensor):
        plain = _plain_record(tensor.shape, tensor.dtype)
        return plain if field is None else TensorRecord(plain.shape, plain.dtype, plain.bytes, field)
    sizes = nested_sizes(tensor)
    if sizes is not None:
        packed = packed_shape(sizes) or (tensor.numel(),)
        return NestedRecord(packed, dtype_name(tensor.dtype), tensor.numel() * tensor.itemsize, field, sizes)
    described = tuple(tensor.shape), dtype_name(tensor.dtype), element_bytes(tensor), field
    return TensorRecord(*described) if tensor.layout is torch.strided else SparseRecord(*described, stored_in(tensor))


@lru_cache(maxsize=4096)
def _plain_record(shape: torch.Size, dtype: torch.dtype) -> TensorRecord:
    return TensorRecord(tuple(shape), dtype_name(dtype), shape.numel() * dtype.itemsize)


def named_records(value: Any, name: str = "", *, inside: bool = False) -> tuple[NamedTensor, ...]:
    """Return the tensors of ``value`` with their names, as records; ``inside`` objects too."""
    return tuple(NamedTensor(key, tensor_record(tensor)) for key, tensor in named_tensors(value, name, inside=inside))


def records_in(value: Any) -> tuple[TensorRecord, ...]:
    """Return the tensors of ``value`` as records, in order."""
    return tuple(tensor_record(tensor) for tensor in tensors_in(value))


def arguments_of(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Mapping[str, Value]:
    """Return the arguments of one operator call by the names of its schema, defaults filled in.

    Those of a higher-order operator have no names: they are numbered, ``arg0``.
    """
    signature = signature_of(func)
    names = signature.names if signature else (f"arg{i}" for i in range(len(args)))
    named = {
        **_defaults(func),
        **dict(zip(names, map(_value, args), strict=False)),
        **{name: _value(value) for name, value in kwargs.items()},
    }
    return MappingProxyType(named)


@cache
def _defaults(func: Any) -> Mapping[str, Value]:
    signature = signature_of(func)
    return {name: _value(default) for name, default in signature.defaults.items()} if signature else {}


def _value(argument: Any) -> Value:
    """Return an operator's argument as a record: tensors by shape, dtypes and devices by name."""
    if isinstance(argument, _PLAIN):
        return argument
    if isinstance(argument, torch.Tensor):
        return tensor_record(argument)
    if isinstance(argument, (list, tuple)):
        return tuple(_value(item) for item in argument)
    return _packed(argument) if isinstance(argument, torch.ScriptObject) else str(argument)


def _packed(weights: Any) -> Value:
    """Return the tensors in a packed object, unpacked."""
    try:
        with undispatched():
            return tuple(map(tensor_record, results(unpacked(weights))))
    except RuntimeError:  # an object of a library that this build of torch does not have
        return str(weights)


def tensors_in(value: Any) -> Iterator[torch.Tensor]:
    """Yield every tensor in nested tuples, lists, mappings and dataclasses, in order."""
    if isinstance(value, torch.Tensor):
        yield unwrapped(value)
    elif type(value) is tuple and all(isinstance(item, torch.Tensor) for item in value):  # as most of what is asked
        yield from map(unwrapped, value)
    else:
        yield from (tensor for _, tensor in named_tensors(value, ""))


def returned_tensors(value: Any) -> Iterator[torch.Tensor]:
    """Yield every tensor in what a module returned, in objects too: distributions, caches."""
    for _, tensor in named_tensors(value, "", inside=True):
        yield tensor


def named_tensors(value: Any, name: str, *, inside: bool = False) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield every tensor of a nested value with its dotted name: ``out.0``, ``logits``, ``cache.1.key``.

    A mapping or dataclass at the top gives its own keys as names; a list or tuple numbers its items. ``inside``: other
    objects are opened too, and give the names of their attributes; what two attributes share is told once.
    """
    # A cycle in the user's own structures must not hang the report: each container is opened once.
    pending: list[tuple[str, Any, bool]] = [(name, value, False)]
    opened: set[int] = set()
    told: set[int] = set()
    while pending:
        here, item, in_object = pending.pop()
        if isinstance(item, torch.Tensor):
            if not (in_object and id(item) in told):
                told.add(id(item))
                yield here or "out", unwrapped(item)
            continue
        parts = _parts(item)
        is_object = not parts and inside and len(opened) < _MOST_OBJECTS
        parts = _attributes(item) if is_object else parts
        if not parts or id(item) in opened:
            continue
        opened.add(id(item))
        numbered = isinstance(item, (list, tuple, deque)) and not hasattr(item, "_fields")
        prefix = here or ("out" if numbered else "")
        below = in_object or is_object
        pending.extend((f"{prefix}.{key}".lstrip("."), part, below) for key, part in reversed(parts))


def _parts(item: Any) -> list[tuple[str, Any]]:
    if isinstance(item, Mapping):
        return [(str(key), part) for key, part in item.items()]
    if isinstance(item, (list, tuple, deque)):
        names = getattr(item, "_fields", None) or range(len(item))
        return [(str(key), part) for key, part in zip(names, item, strict=True)]
    if is_dataclass(item) and not isinstance(item, type):
        return [(f.name, getattr(item, f.name, None)) for f in fields(item)]
    return []


def _attributes(item: Any) -> list[tuple[str, Any]]:
    """Return what an object holds; a module is no value, and what holds no Python attributes says nothing."""
    if isinstance(item, _CLOSED):
        return []
    slots = (name for kind in type(item).__mro__ for name in _names(vars(kind).get("__slots__", ())))
    own = {name: getattr(item, name) for name in slots if hasattr(item, name)}
    # Public names first: a private one is often another name of the same tensor.
    held = {**own, **getattr(item, "__dict__", {})}
    return sorted(held.items(), key=lambda entry: entry[0].startswith("_"))


def _names(slots: Any) -> tuple[str, ...]:
    names = (slots,) if isinstance(slots, str) else tuple(slots)
    return tuple(name for name in names if name not in ("__dict__", "__weakref__"))
