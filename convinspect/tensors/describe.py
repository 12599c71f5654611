"""Tensors and operator arguments as facts: the place where values are left behind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

import torch

from convinspect.errors import UsageError
from convinspect.records import NamedTensor, TensorRecord, Value

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
    return TensorRecord(tuple(tensor.shape), dtype_name(tensor.dtype), _bytes(tensor))


def value_of(argument: Any) -> Value:
    """Return an operator's argument as a fact: tensors by shape, dtypes and devices by name."""
    if isinstance(argument, torch.Tensor):
        return tensor_record(argument)
    if isinstance(argument, _PLAIN):
        return argument
    if isinstance(argument, (list, tuple)):
        return tuple(value_of(item) for item in argument)
    return str(argument)


def arguments_of(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Mapping[str, Value]:
    """Return the arguments of one operator call by the names of its schema, defaults filled in."""
    names, defaults = _signature(func)
    named = dict(defaults)
    named.update(zip(names, map(value_of, args), strict=False))
    named.update((name, value_of(value)) for name, value in kwargs.items())
    return MappingProxyType(named)


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
            yield here or "out", item
            continue
        parts = _parts(item)
        if not parts or id(item) in opened:
            continue
        opened.add(id(item))
        numbered = isinstance(item, (list, tuple)) and not hasattr(item, "_fields")
        prefix = here or ("out" if numbered else "")
        pending.extend((f"{prefix}.{key}".lstrip("."), part) for key, part in reversed(parts))


def named_records(value: Any, name: str = "") -> tuple[NamedTensor, ...]:
    """Return the tensors of ``value`` with their names, as facts."""
    return tuple(NamedTensor(key, tensor_record(tensor)) for key, tensor in named_tensors(value, name))


def records_in(value: Any) -> tuple[TensorRecord, ...]:
    """Return the tensors of ``value`` as facts, in order."""
    return tuple(tensor_record(tensor) for tensor in tensors_in(value))


def _parts(item: Any) -> list[tuple[str, Any]]:
    if isinstance(item, Mapping):
        return [(str(key), part) for key, part in item.items()]
    if isinstance(item, (list, tuple)):
        names = getattr(item, "_fields", None) or range(len(item))
        return [(str(key), part) for key, part in zip(names, item, strict=True)]
    if is_dataclass(item) and not isinstance(item, type):
        return [(f.name, getattr(item, f.name, None)) for f in fields(item)]
    return []


def sparse_parts(tensor: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Return the indices and values that a sparse tensor is made of; of any other the tensor itself."""
    if tensor.layout is torch.sparse_coo:
        return (tensor._indices(), tensor._values())  # noqa: SLF001 - also of uncoalesced ones
    if tensor.layout in (torch.sparse_csr, torch.sparse_bsr):
        return (tensor.crow_indices(), tensor.col_indices(), tensor.values())
    if tensor.layout in (torch.sparse_csc, torch.sparse_bsc):
        return (tensor.ccol_indices(), tensor.row_indices(), tensor.values())
    return (tensor,)


def _bytes(tensor: torch.Tensor) -> int:
    return sum(part.numel() * part.element_size() for part in sparse_parts(tensor))


@cache
def _signature(func: Any) -> tuple[tuple[str, ...], tuple[tuple[str, Value], ...]]:
    schema = getattr(func, "_schema", None)
    if schema is None:  # a higher-order operator: its arguments have no names
        return tuple(f"arg{i}" for i in range(64)), ()
    arguments = schema.arguments
    defaults = ((a.name, value_of(a.default_value)) for a in arguments if a.has_default_value())
    return tuple(a.name for a in arguments), tuple(defaults)
