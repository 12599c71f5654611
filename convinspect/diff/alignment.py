"""Two lists of siblings laid side by side: which of them are the same, in their order."""

from __future__ import annotations

from collections.abc import Sequence

from convinspect.diff.nodes import Node

# So many places to each side of the straight line are tried; lists up to twice that long are tried whole.
_REACH = 40


def align(before: Sequence[Node], after: Sequence[Node]) -> list[tuple[Node, Node]]:
    """Return the pairs of ``before`` and ``after`` that belong together; both sides keep their order.

    The pairs are those with the greatest sum of `likeness`. The time is linear in the lists' lengths.
    """
    shortest = min(len(before), len(after))
    head = 0
    while head < shortest and _same(before[head], after[head]):
        head += 1
    tail = 0
    while tail < shortest - head and _alike(before[-1 - tail], after[-1 - tail]):
        tail += 1
    pairs = list(zip(before[:head], after[:head], strict=True))
    pairs += _best(
        _with_partner(before[head : len(before) - tail], after[head : len(after) - tail]),
        _with_partner(after[head : len(after) - tail], before[head : len(before) - tail]),
    )
    if tail:
        pairs += zip(before[-tail:], after[-tail:], strict=True)
    return pairs


def likeness(a: Node, b: Node) -> int:
    """Return how much speaks for ``b`` being what became of ``a``; 0: nothing does.

    Structure counts most, in proportion to what there is of it; then the name that people gave; a name that is a
    number only breaks ties, for an insertion shifts all that follow.
    """
    if a.layer.kind != b.layer.kind:
        return 0
    if a.layer.kind == "function":
        return 0 if a.layer.type != b.layer.type else 15 if a.whole == b.whole else 10
    named = a.name == b.name
    score = _structure(a, b)
    if named:
        score += 4 if a.is_numbered else 40
    elif a.pattern == b.pattern and score:
        score += 2
    elif score < _RENAMED:
        return 0
    return score - (a.layer.call != b.layer.call) if score else 0


# A row under another name must be alike in more than its type.
_RENAMED = 30


def same_type(a: Node, b: Node) -> bool:
    """Return whether both are of one type; a file of weights does not know any."""
    return a.layer.type == b.layer.type or not a.layer.type or not b.layer.type


def overlap(a: Node, b: Node) -> float:
    """Return the share of the children, by name and type, that both have."""
    ours = {(child.name, child.layer.type) for child in a.children}
    theirs = {(child.name, child.layer.type) for child in b.children}
    return len(ours & theirs) / max(len(ours | theirs), 1)


def _structure(a: Node, b: Node) -> int:
    if a.structure == b.structure:
        weighs = a.layer.params_total > 0 or a.rows > 1
        surer = 30 if a.whole == b.whole else 0
        # Two of the many ReLUs of a network are alike by chance: that must not outweigh a name.
        return 70 + surer + 10 * a.rows.bit_length() if weighs else 30 + surer // 6
    if not same_type(a, b):
        return 0
    score = 15
    if a.layer.params_total == b.layer.params_total > 0:
        score += 15
    if a.layer.outputs and [out.shape for out in a.layer.outputs] == [out.shape for out in b.layer.outputs]:
        score += 8
    if a.children and b.children:
        score += round(20 * overlap(a, b))
    return score


def _same(a: Node, b: Node) -> bool:
    return a.name == b.name and a.structure == b.structure


def _alike(a: Node, b: Node) -> bool:
    return a.pattern == b.pattern and a.whole == b.whole


def _with_partner(nodes: Sequence[Node], others: Sequence[Node]) -> list[Node]:
    """Return the nodes that could belong to one of ``others`` at all."""
    types = {(other.layer.kind, other.layer.type) for other in others}
    names = {other.name for other in others if other.layer.kind == "module"}
    untyped = any(not other.layer.type for other in others)
    return [
        node
        for node in nodes
        if (node.layer.kind, node.layer.type) in types
        or (node.layer.kind == "module" and (node.name in names or untyped or not node.layer.type))
    ]


def _best(before: Sequence[Node], after: Sequence[Node]) -> list[tuple[Node, Node]]:
    """Fill the table of an alignment by dynamic programming, near its diagonal."""
    if not before or not after:
        return []
    reach = max(_REACH, 2 * len(after) // len(before))
    row = [0] * (len(after) + 1)
    steps: list[bytearray] = []
    for i, a in enumerate(before):
        middle = i * len(after) // len(before)
        last, row, step = row, row[:], bytearray(len(after) + 1)
        for j in range(max(0, middle - reach), min(len(after), middle + reach + 1)):
            b = after[j]
            score = likeness(a, b)
            if score and last[j] + score >= max(last[j + 1], row[j]):
                row[j + 1], step[j + 1] = last[j] + score, _PAIR
            elif row[j] > last[j + 1]:
                row[j + 1], step[j + 1] = row[j], _SKIP_AFTER
        steps.append(step)
    return _walk_back(before, after, steps)


_SKIP_AFTER, _PAIR = 1, 2


def _walk_back(before: Sequence[Node], after: Sequence[Node], steps: Sequence[bytearray]) -> list[tuple[Node, Node]]:
    pairs: list[tuple[Node, Node]] = []
    i, j = len(before), len(after)
    while i and j:
        step = steps[i - 1][j]
        if step == _PAIR:
            pairs.append((before[i - 1], after[j - 1]))
        i -= step != _SKIP_AFTER
        j -= step != 0
    return pairs[::-1]
