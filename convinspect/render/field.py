"""Receptive fields, and the one unit that was asked for, as short text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from convinspect.render.text import Glyphs
from convinspect.units import by_axis

if TYPE_CHECKING:  # names of columns and formats are wanted where no report is shown
    from convinspect.records import Interval, ReceptiveField, Unit
    from convinspect.report import Report

# Batch and steps: sequences of tokens.
_TOKENS = 2


def axes_text(field: ReceptiveField, report: Report) -> str | None:
    """Return which axes ``field`` speaks of; ``None`` where they are all after the first one, or the first two."""
    rank = next((len(tensor.shape) for tensor in report.inputs if tensor.name == field.input), 0)
    last = max(rank, *(axis + 1 for axis in field.axes))
    if field.axis_labels is None and field.axes in (tuple(range(2, last)), (rank - 1,) * (rank == _TOKENS)):
        return None
    named = field.axis_labels or tuple(map(str, field.axes))
    return f"positions along {'axis' if len(named) == 1 else 'axes'} {', '.join(named)} of {field.input}"


def size_text(field: ReceptiveField, glyphs: Glyphs, *, compact: bool) -> str:
    """Return the size of ``field``: ``14``, ``14x7``, ``204 (188-204 by phase)``, ``all (851)``, ``?``.

    ``compact`` writes ``188-204``. Without a nominal size, ``~92`` is the extent of the unit that sees most.
    """
    if field.status == "unknown":
        return "?"
    if field.status == "data_dependent":
        return "data"
    if field.size is None or None in field.size:
        return _without_size(field)
    bound = glyphs.at_most if field.status == "upper_bound" else ""
    if compact or not field.size_min or None in field.size_min or tuple(field.size_min) == tuple(field.size):
        return bound + _span(field.size, field.size_min)
    by = f" by {words}" if (words := differ_by([field])) else ""
    return f"{bound}{_axes(field.size)} ({_axes(field.size_min)}-{_axes(field.size)}{by})"


def differ_by(fields: Iterable[ReceptiveField]) -> str:
    """Return what the sizes of ``fields`` differ by: ``channel``, ``channel and phase``; empty where nobody knows."""
    words = (word for field in fields for said in field.size_by or () if said for word in said.split(" and "))
    return " and ".join(dict.fromkeys(words))


def _without_size(field: ReceptiveField) -> str:
    sizes = field.size or (None,) * len(field.axes)
    text = _axes([_axis(field, i, size) for i, size in enumerate(sizes)])
    local = field.local.size if field.local else None
    if field.local and local and None not in local:
        return f"{text} ({_span(local, field.local.size_min)})"
    return text


def _axis(field: ReceptiveField, i: int, size: int | None) -> str:
    if size is not None:
        return str(size)
    status = field.axis_status[i] if field.axis_status else field.status
    if status == "global" or (field.coverage and field.coverage[i] == 1):
        return "all"
    center = field.center[i] if field.center else None
    return f"~{center[1] - center[0] + 1}" if center else "?"


def _span(size: Sequence[int | None], size_min: Sequence[int | None] | None) -> str:
    if not size_min or None in size_min or tuple(size_min) == tuple(size):
        return _axes(size)
    return _axes([f"{a}-{b}" if a != b else str(b) for a, b in zip(size_min, size, strict=True)])


def _axes(values: Sequence[object]) -> str:
    return by_axis(["?" if value is None else str(value) for value in values])


def jump_text(field: ReceptiveField) -> str:
    """Return by how many input indices neighbouring units lie apart; the local one in brackets."""
    return _strict_or_local(field, "jump")


def start_text(field: ReceptiveField) -> str:
    """Return the first input index that unit 0 sees, negative where it sees padding; local in brackets."""
    return _strict_or_local(field, "start")


def _strict_or_local(field: ReceptiveField, name: str) -> str:
    strict, local = getattr(field, name), getattr(field.local, name, None)
    if strict is not None:
        return _axes(strict)
    if local is not None:
        return f"({_axes(local)})"
    return "?" if field.status == "unknown" else ""


def center_text(field: ReceptiveField) -> str:
    """Return the input interval that the centre unit depends on: ``96..127``, ``none`` where it is empty."""
    if field.center is None:
        return "?"
    return _axes([_interval(one) for one in field.center])


def _interval(one: Interval | None) -> str:
    return "none" if one is None else f"{one[0]}..{one[1]}"


def unit_text(unit: Unit) -> str:
    """Return which box of the input one unit sees, and how much of its nominal box is padding.

    ``conv2[0,0] sees x[.., 0..5, 0..5]: 36 of the 49 cells of its field, 13 are padding``.
    """
    name = f"{unit.path or 'the model'}[{','.join(map(str, unit.index))}]"
    if None in unit.box:
        return f"{name} sees nothing of {unit.input}"
    box = f"{unit.input}[.., {', '.join(_interval(side) for side in unit.box)}]"
    if unit.cells is None or unit.padding_cells is None:
        return f"{name} sees {box}"
    real = unit.cells - unit.padding_cells
    if not unit.padding_cells:
        return f"{name} sees {box}: {real} cells, none of them padding"
    return f"{name} sees {box}: {real} of the {unit.cells} cells of its field, {unit.padding_cells} are padding"


def coverage_text(field: ReceptiveField) -> str:
    """Return the share of the input that the centre unit depends on: ``12.5%``; ``100%`` is all of it."""
    if field.coverage is None:
        return "?"
    return _axes([_percent(share) for share in field.coverage])


def _percent(share: float) -> str:
    # 0.9996 of the input is not all of it.
    return "99.9%" if 0.999 < share < 1 else f"{100 * share:.3g}%"  # noqa: PLR2004
