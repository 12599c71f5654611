"""Shapes and receptive fields of a row, before and after, as short text."""

from __future__ import annotations

from collections.abc import Sequence

from convinspect.diff.difference import Row
from convinspect.records import ReceptiveField, TensorRecord
from convinspect.render.text import Glyphs, clean
from convinspect.units import by_axis, shape


def outputs(row: Row, glyphs: Glyphs) -> str:
    """Return the shape of the row's first output, of a row in both reports that of the first which changed."""
    if row.before is None or row.after is None:
        return clean(_first(row.layer.outputs), glyphs)
    if "output" not in row.facets:
        return ""
    before, after = row.before.outputs, row.after.outputs
    if len(before) != len(after):
        return clean(f"{_first(before)} {glyphs.arrow} {_first(after)}", glyphs)
    index = next(i for i, (ours, theirs) in enumerate(zip(before, after, strict=True)) if _kind(ours) != _kind(theirs))
    ours, theirs = before[index], after[index]
    both = (shape(ours.shape), shape(theirs.shape)) if ours.shape != theirs.shape else (ours.dtype, theirs.dtype)
    which = f"out.{index} " if len(before) > 1 else ""
    return clean(f"{which}{both[0]} {glyphs.arrow} {both[1]}", glyphs)


def _first(found: Sequence[TensorRecord]) -> str:
    if not found:
        return "none"
    return shape(found[0].shape) + (f" (+{len(found) - 1})" if len(found) > 1 else "")


def _kind(found: TensorRecord) -> tuple[tuple[int, ...], str]:
    return found.shape, found.dtype


def receptive_field(row: Row, glyphs: Glyphs) -> str:
    """Return the size of the row's receptive field, of a row in both reports where it changed; else its jump, ..."""
    if row.before is None or row.after is None:
        return clean(_fields(row.layer.receptive_field)["size"], glyphs)
    if "field" not in row.facets:
        return ""
    before, after = _fields(row.before.receptive_field), _fields(row.after.receptive_field)
    for name, ours in before.items():
        if ours != after[name]:
            label = "" if name == "size" else f"{name} "
            return clean(f"{label}{ours} {glyphs.arrow} {after[name]}", glyphs)
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
    return otherwise if values is None or None in values else by_axis(list(map(str, values)))
