"""The first column: where a row hangs in the tree, what it is called, what it is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from convinspect.render.geometry import geometry
from convinspect.render.rows import Row
from convinspect.render.text import Glyphs, clean, shorten, text_width


@dataclass(frozen=True, slots=True)
class Label:
    """The first column of one row: the tree, the module's name, its type and geometry, and a remark."""

    tree: str
    name: str
    type: str
    remark: str

    @property
    def text(self) -> str:
        """The whole of it: ``├ conv1: Conv2d 7x7 /2``."""
        return self.tree + self.name + self.type + self.remark


def label_width(label: Label) -> int:
    """Return how many cells ``label`` takes."""
    return len(label.tree) + text_width(label.name + label.type + label.remark)  # a guide takes one cell a letter


def label_of(row: Row, guide: int, glyphs: Glyphs, dtype: str) -> Label:
    """Return the label of ``row``, ``guide`` cells a level; ``dtype`` is the run's."""
    tree = tree_text(row.guides, guide, glyphs)
    name, remark = clean(row.name, glyphs), clean(row.remark, glyphs)
    if row.role == "own":
        return Label(tree, f"{name} " if name else "", "(own parameters)", "")
    if row.role == "hidden":
        return Label(tree, "", f"hidden: {name}" if row.layers else name, "")
    kind, shape = (clean(text, glyphs) for text in (row.layer.type, geometry(row.layer, dtype)))
    if row.role == "function":
        kind = f"{kind}()"
    runs = sum(layer.runs for layer in row.layers)
    count = f" x{runs}" if runs > 1 else ""
    what = f"{kind}{f' {shape}' if shape else ''}{count}" if kind else ""
    if not what:
        return Label(tree, name or "(all)", "", remark)
    return Label(tree, f"{name}: " if name else "", what, remark)


@lru_cache
def tree_text(guides: tuple[bool, ...], guide: int, glyphs: Glyphs) -> str:
    """Return the strokes of the tree before a line with these `guides`, ``guide`` cells a level."""
    if not guides:
        return ""
    beside = {True: glyphs.pass_by.ljust(guide), False: " " * guide}
    branch = glyphs.branch if guides[-1] else glyphs.last
    return "".join(beside[more] for more in guides[:-1]) + branch.ljust(guide)


def fitted(label: Label, width: int, glyphs: Glyphs) -> Label:
    """Return ``label`` in ``width`` cells: longer ones lose their middle."""
    if label_width(label) <= width:
        return label
    words = label.name + label.type + label.remark
    # A tree deeper than the column keeps its innermost levels, and leaves the words half of the room.
    tree = label.tree
    room = max(width - text_width(words), width // 2)
    if len(tree) > room:
        tree = glyphs.ellipsis + tree[len(tree) - room + text_width(glyphs.ellipsis) :]
    return Label(tree, "", shorten(words, width - len(tree), glyphs), "")
