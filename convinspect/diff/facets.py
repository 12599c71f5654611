"""What differs between two rows that are the same layer: each facet by its name."""

from __future__ import annotations

from typing import Literal, TypeAlias

from convinspect.diff.nodes import attributes_of
from convinspect.records import ReceptiveField
from convinspect.report import Layer

Facet: TypeAlias = Literal[
    "type",
    "attributes",
    "params",
    "trainable",
    "buffers",
    "dtype",
    "sharing",
    "output",
    "macs",
    "allocated",
    "saved",
    "field",
    "below",
]

# What a row is of itself. The others may follow from what happened before it.
_OWN: tuple[Facet, ...] = ("type", "attributes", "params", "trainable", "buffers", "sharing")
# What cannot have changed without a reason in the row itself, where its inputs have not.
_COMPUTED: tuple[Facet, ...] = ("output", "macs", "allocated")


def facets(before: Layer, after: Layer, *, ran: bool) -> tuple[Facet, ...]:
    """Return which facets differ. Without ``ran`` one side is a file of weights, and only weights are compared."""
    differs: dict[Facet, bool] = {
        "type": before.type != after.type and bool(before.type) and bool(after.type),
        "attributes": ran and _attributes_differ(before, after),
        "params": before.params != after.params,
        "trainable": before.trainable_params - before.params != after.trainable_params - after.params,
        "buffers": before.buffers != after.buffers,
        "dtype": (before.params, before.buffers) == (after.params, after.buffers)
        and (before.param_bytes, before.buffer_bytes) != (after.param_bytes, after.buffer_bytes),
        "sharing": (before.shared_with is None) != (after.shared_with is None),
        "output": _shapes(before) != _shapes(after),
        "macs": before.macs != after.macs or (before.leaf and before.macs_status != after.macs_status),
        "allocated": before.memory.allocated_bytes != after.memory.allocated_bytes,
        "saved": before.memory.saved_bytes != after.memory.saved_bytes,
        "field": _extent(before.receptive_field) != _extent(after.receptive_field),
    }
    of_weights = ("params", "buffers", "dtype") if not ran else tuple(differs)
    return tuple(facet for facet, differ in differs.items() if differ and facet in of_weights)


def changed_itself(before: Layer, after: Layer, found: tuple[Facet, ...], *, same_dtype: bool) -> bool:
    """Return whether the row itself was changed, so that what differs is not told by the rows before it.

    ``same_dtype``: both runs have one dtype, so that another weight of the same number of elements is a change.
    """
    if any(facet in _OWN for facet in found) or ("dtype" in found and same_dtype):
        return True
    same_inputs = bool(before.inputs) and before.inputs == after.inputs
    return after.leaf and same_inputs and any(facet in _COMPUTED for facet in found)


def _attributes_differ(before: Layer, after: Layer) -> bool:
    """A report that was saved before attributes were told says nothing of them."""
    ours, theirs = attributes_of(before), attributes_of(after)
    return ours != theirs and bool(ours) == bool(theirs)


def _shapes(layer: Layer) -> list[tuple[tuple[int, ...], str]]:
    return [(out.shape, out.dtype) for out in layer.outputs]


def _extent(field: ReceptiveField | None) -> object:
    """Return what of the field is the network's own; the centre and its share are the input's size as well."""
    if field is None:
        return None
    local = (field.local.size, field.local.jump) if field.local is not None else None
    return field.status, field.size, field.size_min, field.jump, field.start, local
