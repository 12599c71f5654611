"""The first column: where a row hangs in the tree, what it is called, what it is: ``7x7 /2``, ``3x3 g32``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from convinspect.render.rows import Row
from convinspect.render.text import Glyphs, clean, shorten, text_width
from convinspect.report import Layer
from convinspect.units import setting, shape


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


def geometry(layer: Layer, dtype: str) -> str:
    """Return kernel, stride, dilation and groups of ``layer``, and what else tells it from others of its type.

    ``dtype`` is that of the run: a layer that gives another says so.
    """
    words = described(layer.attributes, layer.type)
    given = layer.outputs[0].dtype if layer.outputs else dtype
    # A mask or an index is of another dtype by nature: that says nothing of the layer.
    computed = given.startswith(("float", "bfloat", "complex", "q"))
    return " ".join([*words, *([given] if given != dtype and computed else [])])


def described(attributes: Mapping[str, Any], kind: str = "") -> list[str]:
    """Return the words for ``attributes``; what is as usual has none."""
    said = (_window(attributes, kind), _kinds(attributes, kind), _sequence(attributes))
    return [word for words in said for word in words]


def _window(attributes: Mapping[str, Any], kind: str) -> Iterator[str]:
    kernel = attributes.get("kernel_size")
    if kernel:
        yield shape(kernel)
    if attributes.get("transposed") and "ranspose" not in kind:
        yield "transposed"
    for key, mark in (("stride", "/"), ("dilation", "d")):
        values = attributes.get(key)
        if values and set(values) != {1}:
            yield mark + setting(tuple(values))
    if attributes.get("groups", 1) != 1:
        yield f"g{attributes['groups']}"


def _kinds(attributes: Mapping[str, Any], kind: str) -> Iterator[str]:
    """Yield which pool, interpolation or padding it is, where the type does not say so."""
    if attributes.get("scale_factor"):
        yield f"x{setting(tuple(attributes['scale_factor']))}"
    for key, usual in (("pool", ""), ("mode", ""), ("padding_mode", "zeros constant")):
        value = attributes.get(key, "")
        if value and value not in usual.split() and value not in kind.lower():
            yield value


def _sequence(attributes: Mapping[str, Any]) -> Iterator[str]:
    if "num_heads" in attributes:
        yield f"{attributes['num_heads']} heads"
    if attributes.get("num_layers", 1) != 1:
        yield f"{attributes['num_layers']} layers"
    if attributes.get("bidirectional"):
        yield "bidirectional"
