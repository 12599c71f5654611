"""Shapes and receptive fields of a row, before and after, as short text."""

from __future__ import annotations

from collections.abc import Sequence

from convinspect.diff.difference import Row
from convinspect.diff.signs import Signs
from convinspect.records import ReceptiveField, TensorRecord


def outputs(row: Row, signs: Signs) -> str:
    """Return the shapes of the row's outputs, of a row in both reports where they changed."""
    if row.before is None or row.after is None:
        return _shapes(row.layer.outputs)[0]
    if "output" not in row.facets:
        return ""
    return _first_difference(_shapes(row.before.outputs), _shapes(row.after.outputs), signs)


def _shapes(found: Sequence[TensorRecord]) -> tuple[str, ...]:
    """Return the outputs in three forms, each fuller than the one before it."""
    if not found:
        return ("none",) * 3
    each = ["x".join(map(str, out.shape)) or "scalar" for out in found]
    first = each[0] + (f" (+{len(found) - 1})" if len(found) > 1 else "")
    typed = [f"{text} {out.dtype}" for text, out in zip(each, found, strict=True)]
    return first, ", ".join(each), ", ".join(typed)


def receptive_field(row: Row, signs: Signs) -> str:
    """Return the size of the row's receptive field, of a row in both reports where it changed."""
    if row.before is None or row.after is None:
        return _fields(row.layer.receptive_field)[0]
    if "field" not in row.facets:
        return ""
    return _first_difference(_fields(row.before.receptive_field), _fields(row.after.receptive_field), signs)


def _fields(found: ReceptiveField | None) -> tuple[str, ...]:
    """Return the field's size, smallest size, local size, jump, start and status."""
    if found is None:
        return ("none",) * 6
    size = _axes(found.size, "all" if found.status == "global" else "data" if found.status == "data_dependent" else "?")
    local = _axes(found.local.size, "?") if found.local is not None else "none"
    jump = _axes(found.jump or (found.local.jump if found.local is not None else None), "?")
    return (
        size,
        f"{_axes(found.size_min, '?')}-{size}",
        f"local {local}",
        f"jump {jump}",
        f"start {_axes(found.start, '?')}",
        found.status,
    )


def _axes(values: Sequence[object] | None, otherwise: str) -> str:
    if values is None or None in values:
        return otherwise
    each = [str(value) for value in values]
    return each[0] if len(set(each)) == 1 else "x".join(each)


def _first_difference(before: Sequence[str], after: Sequence[str], signs: Signs) -> str:
    for ours, theirs in zip(before, after, strict=True):
        if ours != theirs:
            return f"{ours} {signs.arrow} {theirs}"
    return ""
