"""Operators on nested tensors: they cost what they cost on each tensor inside."""

from __future__ import annotations

from dataclasses import replace
from math import prod

from convinspect.ops.registry import qualified_name
from convinspect.records import NestedRecord, OpCall, TensorRecord, Value

# One matrix for all of them; elsewhere a plain tensor beside nested ones may hold a part for each.
_SHARED = ("aten.linear",)


def is_nested(call: OpCall) -> bool:
    """Return whether a tensor argument is nested."""
    return any(isinstance(record, NestedRecord) for record in _records(call))


def each_of_nested(call: OpCall) -> list[OpCall]:
    """Return the calls that ``call`` is one of, a batch of one each; none where that is not known."""
    records = _records(call)
    counts = {len(record.sizes) for record in records if isinstance(record, NestedRecord)}
    alone = all(isinstance(record, NestedRecord) for record in records) or qualified_name(call.op) in _SHARED
    if len(counts) != 1 or not alone:
        return []
    return [_of_one(call, number) for number in range(counts.pop())]


def _records(call: OpCall) -> list[TensorRecord]:
    found: list[TensorRecord] = []
    for value in call.args.values():
        found.extend(one for one in (value if isinstance(value, tuple) else (value,)) if isinstance(one, TensorRecord))
    return found


def _of_one(call: OpCall, number: int) -> OpCall:
    return replace(
        call,
        args={name: _part(value, number) for name, value in call.args.items()},
        outputs=tuple(_plain(record, number) for record in call.outputs),
    )


def _part(value: Value, number: int) -> Value:
    if isinstance(value, tuple):
        return tuple(_part(item, number) for item in value)
    return _plain(value, number) if isinstance(value, TensorRecord) else value


def _plain(record: TensorRecord, number: int) -> TensorRecord:
    if not isinstance(record, NestedRecord):
        return record
    shape = (1, *record.sizes[number])
    elements = sum(map(prod, record.sizes))
    return TensorRecord(shape, record.dtype, record.bytes * prod(shape) // max(elements, 1))
