"""Two trees laid side by side: which row of the one became which row of the other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from convinspect.diff.alignment import align, overlap, same_type
from convinspect.diff.nodes import Node

# A subtree of so many rows is the same one wherever it went, though there be others like it.
_TELLING = 3
# Blocks of two classes are one block if they share this much of their children.
_ALIKE = 0.5


@dataclass(frozen=True, slots=True)
class Matching:
    """Pairs by index on either side; ``elsewhere`` are the rows before that left their place among their siblings."""

    after: dict[int, int]
    before: dict[int, int]
    elsewhere: frozenset[int]


def match(before: Sequence[Node], after: Sequence[Node]) -> Matching:
    """Return which node of ``before`` is which of ``after``, each at most once.

    First down the trees, children of matched parents against each other; then what is left over anywhere, where its
    structure says that it moved.
    """
    pairs = _Pairs()
    pairs.add(_roots(before, after))
    pairs.settle()
    for a, b in _moves(before, after, pairs):
        pairs.elsewhere.add(a.index)
        pairs.add([(a, b)])
        pairs.settle()
    return Matching(pairs.after, pairs.before, frozenset(pairs.elsewhere))


class _Pairs:
    """What is matched so far; ``replaced`` are the nodes before whose place something of another make took."""

    def __init__(self) -> None:
        self.after: dict[int, int] = {}
        self.before: dict[int, int] = {}
        self.elsewhere: set[int] = set()
        self.replaced: set[int] = set()
        self._waiting: list[tuple[Node, Node]] = []

    def add(self, found: Iterable[tuple[Node, Node]]) -> None:
        for a, b in found:
            self.after[a.index] = b.index
            self.before[b.index] = a.index
            self._waiting.append((a, b))

    def settle(self) -> None:
        """Match below all pairs that wait."""
        while self._waiting:
            a, b = self._waiting.pop()
            if _took_its_place(a, b):
                self.replaced.add(a.index)
                continue
            ours = [child for child in a.children if child.index not in self.after]
            self.add(align(ours, [child for child in b.children if child.index not in self.before]))
            self.add(self._reordered(a, b))

    def _reordered(self, a: Node, b: Node) -> list[tuple[Node, Node]]:
        """Return what has kept its name and type among its siblings, and not its place in their order."""
        names = {_key(child): child for child in b.children if child.index not in self.before and child.name}
        found = []
        for child in a.children:
            if child.index not in self.after and not child.is_numbered and (twin := names.pop(_key(child), None)):
                self.elsewhere.add(child.index)
                found.append((child, twin))
        return found


def _took_its_place(a: Node, b: Node) -> bool:
    """Return whether ``b`` is another block at the place of ``a``; two models are compared, whatever their classes."""
    models = a.parent is None and b.parent is None
    return bool(a.children and b.children) and not models and not same_type(a, b) and overlap(a, b) < _ALIKE


def _key(node: Node) -> tuple[str, int, str]:
    return node.name, node.layer.call, node.layer.type


def _roots(before: Sequence[Node], after: Sequence[Node]) -> list[tuple[Node, Node]]:
    """Pair the outermost nodes; a model that was put into another, or taken out of it, with itself there."""
    tops = [node for node in before if node.parent is None], [node for node in after if node.parent is None]
    if len(tops[0]) == len(tops[1]) == 1 and not same_type(tops[0][0], tops[1][0]):
        (a,), (b,) = tops
        inner = _only_within(b, a)
        if inner is not None:
            return [(a, inner)]
        inner = _only_within(a, b)
        return [(inner, b)] if inner is not None else [(a, b)]
    return align(*tops)


def _only_within(outer: Node, model: Node) -> Node | None:
    """Return the one node at most two levels below ``outer`` that is of ``model``'s type."""
    below = [*outer.children, *(inner for child in outer.children for inner in child.children)]
    found = [node for node in below if node.layer.type == model.layer.type and node.layer.call <= 1]
    return found[0] if len(found) == 1 and model.children and model.layer.type else None


def _moves(before: Sequence[Node], after: Sequence[Node], pairs: _Pairs) -> Iterable[tuple[Node, Node]]:
    """Yield pairs of equal structure that are left over, the largest first; what was yielded is no longer left."""
    left: dict[int, list[Node]] = defaultdict(list)
    for node in after:
        if node.index not in pairs.before and node.layer.params_total:
            left[node.structure].append(node)
    gone: dict[int, list[Node]] = defaultdict(list)
    inside: set[int] = set()
    for node in before:
        # What a replaced block was made of did not move into the block that replaced it.
        if node.parent is not None and (node.parent.index in inside or node.parent.index in pairs.replaced):
            inside.add(node.index)
        elif node.index not in pairs.after and node.structure in left:
            gone[node.structure].append(node)
    for nodes in sorted(gone.values(), key=lambda nodes: (-nodes[0].rows, nodes[0].index)):
        ours = [node for node in nodes if node.index not in pairs.after]
        theirs = [node for node in left[nodes[0].structure] if node.index not in pairs.before]
        if ours and theirs and (len(ours) == len(theirs) or nodes[0].rows >= _TELLING):
            yield from zip(ours, theirs, strict=False)
