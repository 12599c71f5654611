"""How the table fits a width: what is written shorter, which columns go, how long names may be."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter
from typing import TYPE_CHECKING

from convinspect.render.cells import CellContext
from convinspect.render.text import clean, shorten, text_width

if TYPE_CHECKING:
    from collections.abc import Sequence

    from convinspect.render.columns import Column
    from convinspect.render.rows import Row
    from convinspect.render.text import Glyphs

GAP = 2
HEADING = "Layer"

# A column is dropped rather than names cut to less than this.
_NAME = 30
_SHORTEST_NAME = 12


@dataclass(frozen=True, slots=True)
class Label:
    """The first column of one row: the tree, the module's name, its type, and a remark."""

    tree: str
    name: str
    type: str
    remark: str


@dataclass(frozen=True, slots=True)
class Filled:
    """A column with its cells, as wide as the widest."""

    column: Column
    texts: tuple[str, ...]
    width: int


@dataclass(frozen=True, slots=True)
class Layout:
    """A table that fits: labels in ``label_width`` cells, and what was left out by name."""

    labels: tuple[Label, ...]
    label_width: int
    columns: tuple[Filled, ...]
    dropped: tuple[str, ...]


def lay_out(rows: Sequence[Row], columns: Sequence[Column], glyphs: Glyphs, width: int, *, may_drop: bool) -> Layout:
    """Return the fullest form of the table that fits ``width``; numbers are never cut.

    Tree guides go from three cells to two, counts from exact to SI; where names would become too short and
    ``may_drop`` holds, columns are left out; then guides take one cell, and names lose their middle.
    """
    filled = [_fill(column, rows, CellContext(glyphs)) for column in columns]
    guide = 3 if _comfortable(rows, 3, glyphs, width) + _width(filled) <= width else 2
    needed = _comfortable(rows, guide, glyphs, width)
    for column in sorted((column for column in columns if column.shorten), key=attrgetter("shorten")):
        if needed + _width(filled) <= width:
            break
        filled[columns.index(column)] = _fill(column, rows, CellContext(glyphs, compact=True))
    dropped: list[str] = []
    for column in sorted((column for column in columns if column.drop), key=attrgetter("drop")):
        if not may_drop or min(needed, _NAME) + _width(filled) <= width:
            break
        dropped.append(column.heading)
        filled = [one for one in filled if one.column is not column]
    room = width - _width(filled)
    if room < _SHORTEST_NAME:
        # Too wide however short the names are: columns that were asked for by name go on past the edge.
        room = _SHORTEST_NAME if may_drop else _NAME
    if needed > room:
        guide = 1
    room = min(max(_label_widths(rows, guide, glyphs)[-1] if rows else 0, text_width(HEADING)), room)
    labels = tuple(_fit(_label(row, guide, glyphs), room, glyphs) for row in rows)
    return Layout(labels, room, tuple(filled), tuple(dropped))


def _fill(column: Column, rows: Sequence[Row], context: CellContext) -> Filled:
    texts = tuple(column.cells(rows, context))
    return Filled(column, texts, max(text_width(column.heading), max(map(text_width, texts), default=0)))


def _width(filled: Sequence[Filled]) -> int:
    return sum(GAP + one.width for one in filled)


def _comfortable(rows: Sequence[Row], guide: int, glyphs: Glyphs, width: int) -> int:
    """Return the width that holds every name, or nine in ten where that is half of the table.

    One very long name is no reason to cut everything else.
    """
    widths = _label_widths(rows, guide, glyphs)
    if not widths or widths[-1] <= width // 2:
        return widths[-1] if widths else 0
    return widths[-1 - len(widths) // 10]


def _label_widths(rows: Sequence[Row], guide: int, glyphs: Glyphs) -> list[int]:
    return sorted(_label_width(_label(row, guide, glyphs)) for row in rows)


def _label_width(label: Label) -> int:
    return len(label.tree) + text_width(label.name + label.type + label.remark)  # a guide takes one cell a letter


def label_text(label: Label) -> str:
    """Return the whole of ``label``: ``├─ conv1: Conv2d``."""
    return label.tree + label.name + label.type + label.remark


def _label(row: Row, guide: int, glyphs: Glyphs) -> Label:
    tree = _tree(row.guides, guide, glyphs)
    if row.role == "own":
        return Label(tree, "", "(own parameters)", "")
    name, kind, remark = (clean(text, glyphs) for text in (row.name, row.layer.type, row.remark))
    if row.role == "function":
        return Label(tree, "", f"{kind}()", "")
    if not kind:
        return Label(tree, name or "(all)", "", remark)
    return Label(tree, f"{name}: " if name else "", kind, remark)


@lru_cache
def _tree(guides: tuple[bool, ...], guide: int, glyphs: Glyphs) -> str:
    if not guides:
        return ""
    beside = {True: glyphs.pass_by.ljust(guide), False: " " * guide}
    branch = glyphs.branch if guides[-1] else glyphs.last
    stroke = {3: branch + glyphs.dash + " ", 2: branch + " ", 1: branch}[guide]
    return "".join(beside[more] for more in guides[:-1]) + stroke


def _fit(label: Label, width: int, glyphs: Glyphs) -> Label:
    if _label_width(label) <= width:
        return label
    words = label.name + label.type + label.remark
    # A tree deeper than the column keeps its innermost levels, and leaves the words half of the room.
    tree = label.tree
    room = max(width - text_width(words), width // 2)
    if len(tree) > room:
        tree = glyphs.ellipsis + tree[len(tree) - room + text_width(glyphs.ellipsis) :]
    return Label(tree, "", shorten(words, width - len(tree), glyphs), "")
