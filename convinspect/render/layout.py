"""How the table fits a width: which columns come, which go, how long names may be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from convinspect.render.cells import CellContext
from convinspect.render.columns import COLUMNS, Column
from convinspect.render.labels import Label, fitted, label_of, label_width
from convinspect.render.rows import Row
from convinspect.render.text import text_width

GAP = 2
HEADING = "Layer"

# A column is dropped rather than names cut to less than this, or this share of the width.
_NAME = 30
_SHARE = 0.4
_SHORTEST_NAME = 12
# How much longer than nine in ten others a name is that does not count.
_OUTLIER = 1.5


@dataclass(frozen=True, slots=True)
class Filled:
    """A column with its cells, as wide as the widest."""

    column: Column
    texts: tuple[str, ...]
    width: int


@dataclass(frozen=True, slots=True)
class Layout:
    """A table that fits: labels in ``label_width`` cells, what was left out by name, and how wide nothing would be.

    ``shortened``: names lost their middle.
    """

    labels: tuple[Label, ...]
    label_width: int
    columns: tuple[Filled, ...]
    dropped: tuple[str, ...]
    shortened: bool
    whole_width: int


def lay_out(
    rows: Sequence[Row],
    columns: Sequence[Column],
    extras: Sequence[Sequence[Column]],
    context: CellContext,
    dtype: str,
    width: int,
) -> Layout:
    """Return the fullest form of the table that fits ``width``; numbers are never cut.

    Where there is room, ``extras`` come; where there is none, columns go; then names lose their middle.
    """
    labels = [label_of(row, 2, context.glyphs, dtype) for row in rows]
    needed = _comfortable(rows, labels, width)
    filled = [_fill(column, rows, context) for column in columns]
    longest = max(_widths(rows, labels, hidden=False), default=0)
    whole = longest + _width(filled)
    wished = _widened(filled, extras, rows, context, width - needed)
    filled = _fitting(wished, width - min(needed, max(_NAME, int(_SHARE * width))))
    dropped = tuple(one.column.heading for one in wished if one not in filled)
    room = max(width - _width(filled), _SHORTEST_NAME)
    if needed > room:
        labels = [label_of(row, 1, context.glyphs, dtype) for row in rows]
        needed = _comfortable(rows, labels, width)
    # A hidden row has nothing in the first column: its words may go on there.
    spill = GAP + filled[0].width if filled and filled[0].column.left else 0
    hidden = max(_widths(rows, labels, hidden=True), default=0)
    room = min(max(needed, longest, hidden - spill, text_width(HEADING)), room)
    labels = [_counted(row, label, room + spill) for row, label in zip(rows, labels, strict=True)]
    fitting = tuple(
        fitted(label, room + (spill if row.role == "hidden" else 0), context.glyphs)
        for row, label in zip(rows, labels, strict=True)
    )
    shortened = any(one is not label for one, label in zip(fitting, labels, strict=True))
    return Layout(fitting, room, tuple(filled), dropped, shortened, whole)


def _fitting(filled: Sequence[Filled], room: int) -> list[Filled]:
    """Return the columns that fit ``room``; one that was left out comes back where there is room after all."""
    kept = list(filled)
    gone: list[Filled] = []
    for _, one in sorted(enumerate(filled), key=_turn):
        if _width(kept) <= room or len(kept) == 1:
            break
        gone.append(one)
        kept.remove(one)
    for one in reversed(gone):
        # A share says nothing without the column that it is one of.
        if _width([*kept, one]) <= room and not one.column.bar:
            kept.append(one)
    return [one for one in filled if one in kept]


def _counted(row: Row, label: Label, room: int) -> Label:
    """Return the label; of hidden operators that are too many to be named, how many they are."""
    if row.role != "hidden" or not row.layers or label_width(label) <= room:
        return label
    return replace(label, type=f"hidden: {len(row.layers):,} operators")


def _turn(placed: tuple[int, Filled]) -> tuple[float, int]:
    """Sort by who is left out first; those that have no turn of their own go from the right."""
    place, filled = placed
    return filled.column.drop or float("inf"), -place


def _widened(
    filled: list[Filled],
    extras: Sequence[Sequence[Column]],
    rows: Sequence[Row],
    context: CellContext,
    room: int,
) -> list[Filled]:
    """Return the columns with as many groups of ``extras`` as there is room for, in the table's order."""
    for group in extras:
        more = [one for one in (_fill(column, rows, context) for column in group) if any(one.texts)]
        if _width([*filled, *more]) > room:
            break
        filled = [*filled, *more]
    order = list(COLUMNS)
    return sorted(filled, key=lambda one: order.index(one.column.name)) if extras else filled


def _fill(column: Column, rows: Sequence[Row], context: CellContext) -> Filled:
    texts = tuple(column.cells(rows, context))
    return Filled(column, texts, max(text_width(column.heading), max(map(text_width, texts), default=0)))


def _width(filled: Sequence[Filled]) -> int:
    return sum(GAP + one.width for one in filled)


def _widths(rows: Sequence[Row], labels: Sequence[Label], *, hidden: bool) -> list[int]:
    pairs = zip(rows, labels, strict=True)
    return [label_width(label) for row, label in pairs if (row.role == "hidden") == hidden]


def _comfortable(rows: Sequence[Row], labels: Sequence[Label], width: int) -> int:
    """Return the width that holds every name, or nine in ten where the longest takes half of the table.

    One very long name is no reason to cut everything else.
    """
    widths = sorted(_widths(rows, labels, hidden=False))
    if not widths or widths[-1] <= width // 2:
        return widths[-1] if widths else 0
    most = widths[-1 - len(widths) // 10]
    return most if widths[-1] > _OUTLIER * most else widths[-1]
