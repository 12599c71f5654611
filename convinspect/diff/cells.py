"""Shapes and receptive fields of a row, before and after, as short text."""

from __future__ import annotations

from collections.abc import Sequence

from convinspect.diff.difference import Row
from convinspect.diff.signs import Signs, clean
from convinspect.records import ReceptiveField, TensorRecord


def outputs(row: Row, signs: Signs) -> str:
    """Return the shapes of the row's outputs, of a row in both reports where they changed."""
    if row.before is None or row.after is None:
        return clean(_shapes(row.layer.outputs)[0], signs)
    if "output" in row.facets:
        for ours, theirs in zip(_shapes(row.before.outputs), _shapes(row.after.outputs), strict=True):
            if ours != theirs:
                return clean(f"{ours} {signs.arrow} {theirs}", signs)
    return ""


def _shapes(found: Sequence[TensorRecord]) -> tuple[str, ...]:
    """Return the outputs in three forms, each fuller than the one before it."""
    if not found:
        return ("none",) * 3
    each = ["x".join(map(str, out.shape)) or "scalar" for out in found]
    first = each[0] + (f" (+{len(found) - 1})" if len(found) > 1 else "")
    typed = [f"{text} {out.dtype}" for text, out in zip(each, found, strict=True)]
    return first, ", ".join(each), ", ".join(typed)


def receptive_field(row: Row, signs: Signs) -> str:
    """Return the size of the row's receptive field, of a row in both reports where it changed; else its jump, ..."""
    if row.before is None or row.after is None:
        return clean(_fields(row.layer.receptive_field)["size"], signs)
    if "field" not in row.facets:
        return ""
    before, after = _fields(row.before.receptive_field), _fields(row.after.receptive_field)
    for name, ours in before.items():
        if ours != after[name]:
            label = "" if name == "size" else f"{name} "
            return clean(f"{label}{ours} {signs.arrow} {after[name]}", signs)
    return ""


def _fields(found: ReceptiveField | None) -> dict[str, str]:
    if found is None:
        return dict.fromkeys(("size", "smallest", "local", "jump", "start", "status"), "none")
    otherwise = {"global": "all", "data_dependent": "data"}.get(found.status, "?")
    local = found.local
    return {
        "size": _axes(found.size, otherwise),
        "smallest": _axes(found.size_min, otherwise),
        "local": _axes(local.size, "?") if local is not None else "none",
        "jump": _axes(found.jump or (local.jump if local is not None else None), "?"),
        "start": _axes(found.start, "?"),
        "status": found.status,
    }


def _axes(values: Sequence[object] | None, otherwise: str) -> str:
    if values is None or None in values:
        return otherwise
    each = [str(value) for value in values]
    return each[0] if len(set(each)) == 1 else "x".join(each)
