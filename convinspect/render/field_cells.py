"""How the cells of receptive fields are written, of one layer or of several that stand in one row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from convinspect.render.field import size_text

if TYPE_CHECKING:
    from convinspect.records import ReceptiveField
    from convinspect.render.cells import CellContext, Cells
    from convinspect.render.rows import Row


def of_field(text: Callable[[ReceptiveField, CellContext], str]) -> Cells:
    """Return how ``text`` of each row's field is written, from the first to the last layer of the row."""
    return lambda rows, context: [_cell(row, context, text) for row in rows]


def size(field: ReceptiveField, context: CellContext) -> str:
    """Return the size of ``field``: ``14``, ``92-100`` where it differs by phase."""
    return size_text(field, context.glyphs, compact=True)


def _cell(row: Row, context: CellContext, text: Callable[[ReceptiveField, CellContext], str]) -> str:
    if row.role in ("own", "hidden"):
        return ""
    # Hundreds of equal layers have few fields.
    fields = dict.fromkeys(layer.receptive_field for layer in row.layers)
    said = list(dict.fromkeys(text(field, context) if field else "" for field in fields))
    return said[0] if len(said) == 1 else _range(said)


def _range(said: Sequence[str]) -> str:
    """Return ``27-35``, least and most, or the first and the last where they are no plain numbers."""
    ends = [part for one in said for part in one.split("-")]
    if all(end.isascii() and end.isdigit() for end in ends):
        numbers = sorted(map(int, ends))
        return f"{numbers[0]}-{numbers[-1]}"
    return f"{said[0]} .. {said[-1]}"
