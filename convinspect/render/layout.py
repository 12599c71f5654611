"""How the table fits a width: what is written shorter, which columns go, how long names may be."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from convinspect.render.glyphs import cells, clean, shorten

if TYPE_CHECKING:
    from collections.abc import Sequence

    from convinspect.render.columns import CellContext, Column
    from convinspect.render.glyphs import Glyphs
    from convinspect.render.rows import Row

GAP = 2
HEADING = "Layer"

# What is written shorter first where the table is too wide, and what goes first if that is not enough.
_SHORTENED = ("rf", "output", "input", "macs", "params")
_DROPPED = ("allocated", "rf")

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


def lay_out(
    rows: Sequence[Row], columns: Sequence[Column], sheet: CellContext, width: int, *, may_drop: bool
) -> Layout:
    """Return the fullest form of the table that fits ``width``; numbers are never cut.

    Tree guides go from three cells to two, counts from exact to SI; where names would become too short and
    ``may_drop`` holds, columns are left out; then guides take one cell, and names lose their middle.
    """
    filled = [_fill(column, rows, sheet) for column in columns]
    guide = 3 if _comfortable(rows, 3, sheet, width) + _width(filled) <= width else 2
    needed = _comfortable(rows, guide, sheet, width)
    for name in _SHORTENED:
        if needed + _width(filled) <= width:
            break
        short = replace(sheet, compact=True)
        filled = [_fill(one.column, rows, short) if one.column.name == name else one for one in filled]
    dropped: list[str] = []
    for name in _DROPPED:
        if not may_drop or min(needed, _NAME) + _width(filled) <= width:
            break
        dropped += [one.column.heading for one in filled if one.column.name == name]
        filled = [one for one in filled if one.column.name != name]
    room = width - _width(filled)
    if room < _SHORTEST_NAME:
        # Too wide however short the names are: columns that were asked for by name go on past the edge.
        room = _SHORTEST_NAME if may_drop else _NAME
    if needed > room:
        guide = 1
    room = min(max(_label_widths(rows, guide, sheet)[-1] if rows else 0, cells(HEADING)), room)
    labels = tuple(_fit(_label(row, guide, sheet), room, sheet.glyphs) for row in rows)
    return Layout(labels, room, tuple(filled), tuple(dropped))


def _fill(column: Column, rows: Sequence[Row], sheet: CellContext) -> Filled:
    texts = tuple(column.write(rows, sheet))
    return Filled(column, texts, max(cells(column.heading), max(map(cells, texts), default=0)))


def _width(filled: Sequence[Filled]) -> int:
    return sum(GAP + one.width for one in filled)


def _comfortable(rows: Sequence[Row], guide: int, sheet: CellContext, width: int) -> int:
    """Return the width that holds every name, or nine in ten where that is half of the table.

    One very long name is no reason to cut everything else.
    """
    widths = _label_widths(rows, guide, sheet)
    if not widths or widths[-1] <= width // 2:
        return widths[-1] if widths else 0
    return widths[-1 - len(widths) // 10]


def _label_widths(rows: Sequence[Row], guide: int, sheet: CellContext) -> list[int]:
    return sorted(_label_width(_label(row, guide, sheet)) for row in rows)


def _label_width(label: Label) -> int:
    return len(label.tree) + cells(label.name + label.type + label.remark)  # a guide takes one cell a letter


def label_text(label: Label) -> str:
    """Return the whole of ``label``: ``├─ conv1: Conv2d``."""
    return label.tree + label.name + label.type + label.remark


def _label(row: Row, guide: int, sheet: CellContext) -> Label:
    tree = _tree(row.guides, guide, sheet.glyphs)
    kind = clean(row.layer.type, ascii_only=sheet.glyphs.ellipsis.isascii())
    if row.role == "function":
        return Label(tree, "", f"{kind}()", "")
    if row.role == "own":
        return Label(tree, "", "(own parameters)", "")
    name = clean(row.name, ascii_only=sheet.glyphs.ellipsis.isascii())
    if not kind:
        return Label(tree, name or "(all)", "", _remark(row, sheet))
    return Label(tree, f"{name}: " if name else "", kind, _remark(row, sheet))


def _remark(row: Row, sheet: CellContext) -> str:
    layer = row.layer
    said = f" (call {layer.call})" if layer.call > 1 else ""
    if (layer.path, layer.call) == sheet.failed:
        said += " (failed)"
    elif layer.call == 0 and sheet.ran:
        said = _idle(layer.path, sheet)
    if layer.shared_with is not None:
        owner = clean(layer.shared_with, ascii_only=sheet.glyphs.ellipsis.isascii())
        said += f" (shares {owner or 'the model'})"
    return said


def _idle(path: str, sheet: CellContext) -> str:
    if sheet.failed is None:
        # Attention reads the weights of its projection without calling it: that is not the same as never running.
        return " (never ran)" if path in sheet.idle else " (not called)"
    # Whether a module that stands before the failure would have run later is not known.
    return " (not reached)" if path in sheet.unreached else ""


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
    room = max(width - cells(words), width // 2)
    if len(tree) > room:
        tree = glyphs.ellipsis + tree[len(tree) - room + cells(glyphs.ellipsis) :]
    return Label(tree, "", shorten(words, width - len(tree), glyphs), "")
