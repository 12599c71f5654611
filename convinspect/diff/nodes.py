"""A report's rows as a tree, each with a number for what it is: equal numbers are equal subtrees."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

from convinspect.report import Layer
from convinspect.units import setting


@dataclass(slots=True, eq=False)
class Node:
    """One row. ``name`` is its path below its parent's; ``pattern`` is the name with its numbers left open.

    ``rows`` counts the subtree. ``whole`` and ``structure`` number the subtree as it is, and without the sizes that
    depend on the input: they are comparable between all trees of one `Numbering`.
    """

    layer: Layer
    index: int
    parent: Node | None
    name: str
    pattern: tuple[str | None, ...]
    children: list[Node] = field(default_factory=list)
    rows: int = 1
    whole: int = 0
    structure: int = 0

    @property
    def is_numbered(self) -> bool:
        """Whether the name has a number for a part, as the layers of ``nn.Sequential`` have."""
        return None in self.pattern


class Numbering:
    """Numbers for subtrees: the same number for what is equal."""

    def __init__(self) -> None:
        self._numbers: dict[Hashable, int] = {}

    def tree(self, layers: Sequence[Layer]) -> list[Node]:
        """Return one node for each of ``layers``, in their order: parents before children."""
        nodes: list[Node] = []
        open_: list[Node] = []
        for index, layer in enumerate(layers):
            while open_ and open_[-1].layer.depth >= layer.depth:
                open_.pop()
            parent = open_[-1] if open_ else None
            name = _name(layer, parent)
            pattern = tuple(None if part.isascii() and part.isdigit() else part for part in name.split("."))
            node = Node(layer, index, parent, name, pattern)
            if parent is not None:
                parent.children.append(node)
            nodes.append(node)
            open_.append(node)
        for node in reversed(nodes):
            self._number(node)
        return nodes

    def _number(self, node: Node) -> None:
        layer = node.layer
        node.rows = 1 + sum(child.rows for child in node.children)
        what = (layer.kind, layer.type, layer.params, layer.buffers, attributes_of(layer))
        shapes = tuple((out.shape, out.dtype) for out in layer.outputs)
        node.structure = self._of((what, tuple((child.name, child.structure) for child in node.children)))
        node.whole = self._of((what, shapes, layer.macs, tuple((child.name, child.whole) for child in node.children)))

    def _of(self, key: Hashable) -> int:
        return self._numbers.setdefault(key, len(self._numbers))


def attributes_of(layer: Layer) -> tuple[tuple[str, str], ...]:
    """Return the names and values (kernel, stride ...) that the row's report has, sorted; older reports have none."""
    return tuple(sorted((name, setting(value)) for name, value in layer.attributes.items()))


def _name(layer: Layer, parent: Node | None) -> str:
    if layer.kind == "function":
        return ""
    above = parent.layer.path if parent is not None else ""
    return layer.path[len(above) + 1 :] if above and layer.path.startswith(f"{above}.") else layer.path
