"""The value of this room: the rows of two reports as one tree, with what each was, is, and differs in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from convinspect.diff.amounts import Change
from convinspect.diff.nodes import attributes_of
from convinspect.records import ReceptiveField
from convinspect.report import Layer, Report

Status: TypeAlias = Literal["unchanged", "changed", "renamed", "moved", "added", "removed"]
Costs: TypeAlias = Mapping[str, Change]


@dataclass(frozen=True, slots=True)
class Row:
    """One row of either report or of both; ``names`` are its paths below the rows that hold it.

    ``facets`` say what differs, ``below`` among them where something beneath it does; ``itself``: the change was made
    in this row and does not follow from others. ``own`` costs are the row's, ``total`` those of the ``below`` rows
    after it as well: a removed row costs nothing afterwards, an added one nothing before.
    """

    before: Layer | None
    after: Layer | None
    names: tuple[str, str]
    depth: int
    below: int
    status: Status
    facets: tuple[Facet, ...]
    itself: bool
    own: Costs
    total: Costs

    @property
    def differs(self) -> bool:
        """Whether the row itself is not what it was, whatever became of the rows below it."""
        return any(facet != "below" for facet in self.facets)

    @property
    def layer(self) -> Layer:
        """The row as it is now, or as it last was."""
        layer = self.after or self.before
        if layer is None:
            raise ValueError("a row of neither report")
        return layer


@dataclass(frozen=True, slots=True)
class Diff:
    """Two reports against each other; ``rows`` in order of execution, parents first, removed rows where they stood.

    ``labels`` are what a reader calls the two: targets, perhaps at a revision.
    The rows' own costs add up to ``totals``, as far as these are sums of rows.
    """

    before: Report
    after: Report
    rows: tuple[Row, ...]
    totals: Costs
    labels: tuple[str, str]

    @property
    def differs(self) -> bool:
        """Whether anything differs that is the network's: not paths of targets, not versions of tools."""
        return any(row.status != "unchanged" for row in self.rows) or any(c.differs for c in self.totals.values())


def counts_of(diff: Diff) -> dict[str, int]:
    """Return how many rows there are of each sort, each counted once: subtrees that came or went by what holds them."""
    rows = diff.rows
    tops = [row for row, above in zip(rows, _parents(rows), strict=True) if above is None or row.status != above.status]
    return {
        "added": sum(row.status == "added" for row in tops),
        "added_rows": sum(row.status == "added" for row in rows),
        "removed": sum(row.status == "removed" for row in tops),
        "removed_rows": sum(row.status == "removed" for row in rows),
        "changed": sum(row.itself for row in rows),
        "renamed": sum(row.status == "renamed" and not row.itself for row in rows),
        "moved": sum(row.status == "moved" and not row.itself for row in rows),
        "follow": sum(row.status == "changed" and row.differs and not row.itself for row in rows),
        "unchanged": sum(row.status in ("unchanged", "changed") and not row.differs for row in rows),
    }


def _parents(rows: Sequence[Row]) -> Iterator[Row | None]:
    open_: list[Row] = []
    for row in rows:
        del open_[row.depth :]
        yield open_[-1] if open_ else None
        open_.append(row)


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
