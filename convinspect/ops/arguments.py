"""How a rule reads an operator's arguments: shapes by the names of the schema."""

from __future__ import annotations

import re
from math import prod
from typing import TypeAlias, TypeVar

from convinspect.records import OpCall, SparseRecord, TensorRecord, Value

Shape: TypeAlias = tuple[int, ...]
ItemT = TypeVar("ItemT")


class NotGivenError(LookupError):
    """The call does not show what a rule must know; the cost of the call is unknown, not zero."""


def shape(call: OpCall, *names: str) -> Shape:
    """Return the shape of the tensor argument that goes by one of ``names``: backends spell them differently."""
    for name in names:
        value = call.args.get(name)
        if isinstance(value, TensorRecord):
            return value.shape
    raise NotGivenError(names)


def first_shape(call: OpCall, *names: str) -> Shape:
    """Return the shape of the first tensor in the packed argument that goes by one of ``names``."""
    for name in names:
        value = call.args.get(name)
        if isinstance(value, tuple) and value and isinstance(value[0], TensorRecord):
            return value[0].shape
    raise NotGivenError(names)


def shapes(call: OpCall, name: str) -> tuple[Shape, ...]:
    """Return the shapes of an argument that is a list of tensors."""
    return tuple(tensor.shape for tensor in _items(call, name, TensorRecord))


def numbers(call: OpCall, name: str) -> tuple[int, ...]:
    """Return an argument that is a list of integers."""
    return _items(call, name, int)


def per_axis(call: OpCall, name: str, axes: int, default: int | Shape | None = None) -> Shape:
    """Return a setting for each of ``axes`` axes, as torch spreads it: one is for all, none is ``default``."""
    value = call.args.get(name)
    if isinstance(value, int):
        return (value,) * axes
    given = numbers(call, name) if value is not None else ()
    if not given and default is not None:
        return (default,) * axes if isinstance(default, int) else default
    if len(given) not in (1, axes):
        raise NotGivenError(name)
    return given * axes if len(given) == 1 else given


def flag(call: OpCall, name: str) -> bool:
    """Return an argument that is true or false; raises where it is not given."""
    value = call.args.get(name)
    if not isinstance(value, bool):
        raise NotGivenError(name)
    return value


def _items(call: OpCall, name: str, kind: type[ItemT]) -> tuple[ItemT, ...]:
    value = call.args.get(name)
    found = tuple(item for item in value if isinstance(item, kind)) if isinstance(value, tuple) else ()
    if not isinstance(value, tuple) or len(found) != len(value):
        raise NotGivenError(name)
    return found


def output(call: OpCall) -> Shape:
    """Return the shape of the first tensor that came out."""
    if not call.outputs:
        raise NotGivenError(call.op)
    return call.outputs[0].shape


def is_given(call: OpCall, *names: str) -> bool:
    """Return whether any of these optional arguments was given."""
    return any(call.args.get(name) is not None for name in names)


def is_sparse(call: OpCall) -> bool:
    """Return whether a tensor argument is sparse, or holds other bytes than its shape has elements for."""
    return any(map(_is_sparse, call.args.values()))


def _is_sparse(value: Value) -> bool:
    if isinstance(value, tuple):
        return any(map(_is_sparse, value))
    if not isinstance(value, TensorRecord):
        return False
    if isinstance(value, SparseRecord):
        return True
    itemsize = _itemsize(value.dtype)
    return itemsize is not None and value.bytes != prod(value.shape) * itemsize


def _itemsize(dtype: str) -> int | None:
    # float32, bfloat16, quint8, complex64; what packs several elements in a byte (quint4x2) is left alone.
    match = re.fullmatch(r"(?:q?u?int|b?float|complex)(8|16|32|64|128)(?:_e\d.*)?", dtype)
    return int(match[1]) // 8 if match else None
