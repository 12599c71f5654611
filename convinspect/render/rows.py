"""The rows of a table: which layers stand in which, where each hangs in the tree, and what it adds up to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from convinspect.render.outline import Outline
from convinspect.report import Layer, LayerMemory
from convinspect.tree import Sums, add_up

Role: TypeAlias = Literal["module", "function", "own", "hidden"]

# More levels than any table is wide.
_LEVELS = 256
# Kinds of operators that a hidden row names.
_NAMED = 3


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: equal ``layers``, one or more, with everything below them.

    An ``own`` row has the parameters that a module with layers below it owns itself, a ``hidden`` row the operators in
    a module that have no rows. ``guides`` says for each enclosing level but the outermost whether more siblings follow
    there; the last entry is the row's own level, and of a very deep tree the innermost levels are kept. ``remark``
    stands behind the name: a later call, a failure, whose weights are shared. ``first_params`` are those of the path's
    first call. ``open`` rows have rows below them.
    """

    layers: tuple[Layer, ...]
    name: str
    role: Role
    sums: Sums
    level: int = 0
    remark: str = ""
    first_params: int = 0
    open: bool = False
    guides: tuple[bool, ...] = ()

    @property
    def layer(self) -> Layer:
        """The first of the layers that the row stands for."""
        return self.layers[0]


@dataclass(frozen=True, slots=True)
class Folds:
    """What is not shown one by one.

    Levels deeper than ``depth``, equal siblings where ``together``, operators that explain nothing where ``hide``.
    """

    depth: int
    together: bool = True
    hide: bool = True


def rows_of(outline: Outline, folds: Folds, starts: Iterable[int]) -> list[Row]:
    """Return the rows of the layers ``starts`` with all below them, in the report's order.

    Those without rows below them add up to these layers. Linear in the number of rows that are shown.
    """
    rows = [row for start in starts for row in _walk(outline, folds, start)]
    each = guides([row.level for row in rows])
    return [replace(row, guides=beside) for row, beside in zip(rows, each, strict=True)]


def flat_rows(outline: Outline, starts: Iterable[int]) -> list[Row]:
    """Return a row for each layer without layers below it, and for what the others own; they add up to ``starts``."""
    found: list[Row] = []
    for index in (index for start in starts for index in range(start, outline.nodes[start].end)):
        node = outline.nodes[index]
        if node.leaf:
            found.append(replace(row_of(outline, [index], 0), name=node.layer.path))
        else:
            opened = _Open(index, (0,), iter(()))
            found += [replace(row, name=node.layer.path) for row in (*_own(outline, opened), *_hidden(outline, opened))]
    return found


@dataclass(frozen=True, slots=True)
class _Open:
    """A row whose parts are being told: layer ``index``, and those at ``offsets`` from it in the same row."""

    index: int
    offsets: tuple[int, ...]
    groups: Iterator[list[int]]
    hidden: list[int] = field(default_factory=list)

    def each(self, index: int) -> list[int]:
        """Return the layers in the place of ``index`` in everything that the row stands for."""
        return [index + offset for offset in self.offsets]


def _walk(outline: Outline, folds: Folds, start: int) -> Iterator[Row]:
    """Yield the row of layer ``start`` and what is shown below it."""
    base = outline.nodes[start].level
    opens = folds.depth > 0 and not outline.nodes[start].leaf
    yield replace(row_of(outline, [start], 0), open=opens)
    stack = [_opened(outline, folds, start, (0,))] if opens else []
    if opens:
        yield from _own(outline, stack[0])
    while stack:
        group = next(stack[-1].groups, None)
        if group is None:
            done = stack.pop()
            yield from _hidden(outline, done, outline.nodes[done.index].level - base + 1)
            continue
        offsets = tuple(offset + member - group[0] for offset in stack[-1].offsets for member in group)
        level = outline.nodes[group[0]].level - base
        opens = level < folds.depth and not outline.nodes[group[0]].leaf
        yield replace(row_of(outline, [group[0] + offset for offset in offsets], level, len(group)), open=opens)
        if opens:
            stack.append(_opened(outline, folds, group[0], offsets))
            yield from _own(outline, stack[-1], level + 1)


def _opened(outline: Outline, folds: Folds, index: int, offsets: tuple[int, ...]) -> _Open:
    """Return the layer opened: equal ones below it that follow each other together, hidden ones noted down."""
    below = list(outline.below(index))
    shown = [inner for inner in below if outline.shown[inner] or not folds.hide]
    groups = outline.series(shown) if folds.together else ([inner] for inner in shown)
    return _Open(index, offsets, groups, [inner for inner in below if folds.hide and not outline.shown[inner]])


def row_of(outline: Outline, indices: Sequence[int], level: int, siblings: int = 1) -> Row:
    """Return the row of equal layers, the first ``siblings`` of which stand side by side."""
    nodes = [outline.nodes[index] for index in indices]
    first, last = nodes[0].layer, nodes[siblings - 1].layer
    name = outline.names[indices[0]]
    if siblings > 1 and first.path != last.path:
        name = f"{name}-{outline.names[indices[siblings - 1]].rpartition('.')[2]}"
    said = {outline.remarks[index] for index in indices}
    remark = said.pop() if len(said) == 1 else ""
    if len({node.layer.path for node in nodes}) == 1 and len(nodes) > 1:
        remark = f" (calls {first.call}-{nodes[-1].layer.call})"
    return Row(
        layers=tuple(node.layer for node in nodes),
        name=name,
        role=first.kind,
        sums=nodes[0].sums if len(nodes) == 1 else add_up([node.sums for node in nodes]),
        level=level,
        remark=remark,
        first_params=outline.first_params[first.path],
    )


def _own(outline: Outline, opened: _Open, level: int = 1) -> Iterator[Row]:
    """Yield the row of the parameters that the open layers own themselves, where there are any."""
    layers = [outline.nodes[index].layer for index in opened.each(opened.index)]
    if layers[0].params:
        # Parameters take nothing and give nothing.
        bare = [
            replace(
                layer,
                inputs=(),
                outputs=(),
                receptive_field=None,
                macs=0,
                complex_macs=0,
                macs_status="exact",
                memory=LayerMemory(0, 0),
            )
            for layer in layers
        ]
        yield Row(tuple(bare), "", "own", add_up(bare), level)


def _hidden(outline: Outline, opened: _Open, level: int = 1) -> Iterator[Row]:
    """Yield the row of what the open layers cost beside the rows below them, where that is anything."""
    layers = [outline.nodes[index].layer for hidden in opened.hidden for index in opened.each(hidden)]
    parts = [*layers, *(_rest(outline, index) for index in opened.each(opened.index))]
    sums = add_up(parts)
    figures = (sums.buffers, sums.macs, sums.memory.allocated_bytes, sums.memory.saved_bytes)
    if any(figures) or (layers and (sums.macs_status != "exact" or None in figures)):
        yield Row(tuple(layers or parts), _named(layers), "hidden", sums, level)


def _rest(outline: Outline, index: int) -> Layer:
    """Return what a layer costs itself, its parameters set aside: these have a row."""
    layer = outline.nodes[index].layer
    below = [outline.nodes[inner].layer.macs_status for inner in outline.below(index)]
    status = layer.macs_status if layer.macs is None or all(one == "exact" for one in below) else "exact"
    buffers, size = (0, 0) if layer.params else (layer.buffers, layer.buffer_bytes)
    weightless = replace(layer, params=0, trainable_params=0, param_bytes=0, buffers=buffers, buffer_bytes=size)
    return replace(weightless, macs_status=status)


def _named(layers: Sequence[Layer]) -> str:
    """Return ``3 relu, log_softmax``; many kinds are counted."""
    kinds: Counter[str] = Counter()
    for layer in layers:
        kinds[layer.type] += layer.runs
    said = [f"{count} {kind}" if count > 1 else kind for kind, count in list(kinds.items())[:_NAMED]]
    more = sum(list(kinds.values())[_NAMED:])
    return ", ".join([*said, *([f"{more} more"] if more else [])])


def guides(levels: Sequence[int]) -> list[tuple[bool, ...]]:
    """Return for each line of a tree at these ``levels`` whether a sibling follows, at each level down to its own.

    One pass from the end knows what follows. Of a very deep tree the innermost levels are kept.
    """
    follows: list[bool] = []
    found: list[tuple[bool, ...]] = []
    for level in reversed(levels):
        del follows[level:]
        follows.extend([False] * (level - len(follows)))
        found.append(tuple(follows[-_LEVELS:]))
        if level:
            follows[level - 1] = True
    return found[::-1]
