"""Tensors and operator arguments as records: the place where values are left behind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

import torch

from convinspect.errors import UsageError
from convinspect.records import NamedTensor, TensorRecord, Value
from convinspect.tensors.identity import element_bytes
from convinspect.tensors.operators import signature_of
from convinspect.torch_private import unwrapped

_PLAIN = (int, float, bool, str, type(None))


@cache
def dtype_name(dtype: torch.dtype) -> str:
    """Return torch's name of ``dtype`` without the prefix: ``float32``."""
    return str(dtype).removeprefix("torch.")


def tensor_record(tensor: torch.Tensor) -> TensorRecord:
    """Return shape, dtype and the bytes of the tensor's elements (of a sparse tensor: indices and values).

    Raises `UsageError` for a nested tensor: it has no one shape.
    """
    if tensor.is_nested:
        raise UsageError("the model uses nested tensors, which have no one shape: they cannot be inspected")
    return TensorRecord(tuple(tensor.shape), dtype_name(tensor.dtype), element_bytes(tensor))


def named_records(value: Any, name: str = "") -> tuple[NamedTensor, ...]:
    """Return the tensors of ``value`` with their names, as records."""
    return tuple(NamedTensor(key, tensor_record(tensor)) for key, tensor in named_tensors(value, name))


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
    if isinstance(argument, torch.Tensor):
        return tensor_record(argument)
    if isinstance(argument, _PLAIN):
        return argument
    if isinstance(argument, (list, tuple)):
        return tuple(_value(item) for item in argument)
    return str(argument)


def tensors_in(value: Any) -> Iterator[torch.Tensor]:
    """Yield every tensor in nested tuples, lists, mappings and dataclasses, in order."""
    for _, tensor in named_tensors(value, ""):
        yield tensor


def named_tensors(value: Any, name: str) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield every tensor of a nested value with its dotted name: ``out.0``, ``logits``, ``cache.1.key``.

    A mapping or dataclass at the top gives its own keys as names; a list or tuple numbers its items.
    """
    # A cycle in the user's own structures must not hang the report: each container is opened once.
    pending: list[tuple[str, Any]] = [(name, value)]
    opened: set[int] = set()
    while pending:
        here, item = pending.pop()
        if isinstance(item, torch.Tensor):
            yield here or "out", unwrapped(item)
            continue
        parts = _parts(item)
        if not parts or id(item) in opened:
            continue
        opened.add(id(item))
        numbered = isinstance(item, (list, tuple)) and not hasattr(item, "_fields")
        prefix = here or ("out" if numbered else "")
        pending.extend((f"{prefix}.{key}".lstrip("."), part) for key, part in reversed(parts))


def _parts(item: Any) -> list[tuple[str, Any]]:
    if isinstance(item, Mapping):
        return [(str(key), part) for key, part in item.items()]
    if isinstance(item, (list, tuple)):
        names = getattr(item, "_fields", None) or range(len(item))
        return [(str(key), part) for key, part in zip(names, item, strict=True)]
    if is_dataclass(item) and not isinstance(item, type):
        return [(f.name, getattr(item, f.name, None)) for f in fields(item)]
    return []
