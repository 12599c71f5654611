"""Which rows a table shows, where each hangs in the tree, and what lies below it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from convinspect.report import Layer

Role: TypeAlias = Literal["module", "function", "own"]

# Operators that only rename, pick or copy elements, by the name that a report shows them under. Not unfold:
# `F.unfold` has that name too, and is worth a row.
_VIEWS = """
    adjoint alias as_strided broadcast_tensors broadcast_to chunk clone contiguous copy detach diagonal dsplit
    expand expand_as flatten hsplit mH mT moveaxis movedim narrow numpy_T permute ravel real reshape
    reshape_as select slice split split_with_sizes squeeze swapaxes swapdims t tensor_split to to_copy transpose
    type_as unbind unflatten unsqueeze view view_as vsplit
"""
VIEWS = frozenset(_VIEWS.split())

# More levels than any table is wide.
_LEVELS = 256


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: a layer, or the parameters that a module with layers below it owns itself.

    ``guides`` says for each enclosing level but the outermost whether more siblings follow there; the last
    entry is the row's own level, and of a very deep tree the innermost levels are kept. ``trainable``, ``buffers``,
    ``param_bytes``, ``allocated`` and ``saved`` include everything below; the last two are ``None`` where a part is
    unknown.
    """

    layer: Layer
    name: str
    role: Role
    guides: tuple[bool, ...]
    params: int
    trainable: int
    buffers: int
    param_bytes: int
    allocated: int | None
    saved: int | None


@dataclass(slots=True)
class _Node:
    layer: Layer
    parent: int
    level: int
    trainable: int
    buffers: int
    param_bytes: int
    allocated: int | None
    saved: int | None


def table_rows(layers: Sequence[Layer]) -> list[Row]:
    """Return the rows that explain the network, in the order of ``layers``; linear in their number.

    Left out are operators that change neither shape nor cost, and views, except a view that gives the module
    which runs next the shape that it takes.
    """
    nodes = _tree(layers)
    shown = _shown(layers)
    rows: list[Row] = []
    levels: list[int] = []
    for i, node in enumerate(nodes):
        if not shown[i]:
            continue
        rows.append(_row(node, nodes[node.parent] if node.parent >= 0 else None))
        levels.append(node.level)
        if node.layer.params and _has_shown_child(i, nodes, shown):
            rows.append(_own(node))
            levels.append(node.level + 1)
    return _with_guides(rows, levels)


def leaves(layers: Sequence[Layer]) -> Iterator[Layer]:
    """Yield the rows without rows below them, in order: where something is computed."""
    for i, layer in enumerate(layers):
        if i + 1 == len(layers) or layers[i + 1].depth <= layer.depth:
            yield layer


def _tree(layers: Sequence[Layer]) -> list[_Node]:
    nodes: list[_Node] = []
    open_: list[int] = []
    for i, layer in enumerate(layers):
        while open_ and layers[open_[-1]].depth >= layer.depth:
            open_.pop()
        nodes.append(
            _Node(
                layer,
                open_[-1] if open_ else -1,
                len(open_),
                layer.trainable_params,
                layer.buffers,
                layer.param_bytes,
                layer.memory.allocated_bytes if layer.call else 0,
                layer.memory.saved_bytes if layer.call else 0,
            )
        )
        open_.append(i)
    _add_up(nodes)
    return nodes


def _add_up(nodes: list[_Node]) -> None:
    for node in reversed(nodes):
        if node.parent < 0:
            continue
        parent = nodes[node.parent]
        parent.trainable += node.trainable
        parent.buffers += node.buffers
        parent.param_bytes += node.param_bytes
        parent.allocated = _plus(parent.allocated, node.allocated)
        parent.saved = _plus(parent.saved, node.saved)


def _plus(a: int | None, b: int | None) -> int | None:
    return None if a is None or b is None else a + b


def _shown(layers: Sequence[Layer]) -> list[bool]:
    shown = [True] * len(layers)
    # The shape that the next module takes, while nothing between here and there changes it; None: no module.
    wanted: tuple[int, ...] | None = None
    for i in range(len(layers) - 1, -1, -1):
        layer = layers[i]
        if layer.kind == "module" and not layer.call:
            continue
        if layer.kind == "module":
            wanted = layer.inputs[0].shape if layer.inputs else None
        elif layer.type in VIEWS:
            shown[i] = wanted is not None and _makes(layer, wanted)
            wanted = None if shown[i] else wanted
        else:
            shown[i] = _changes_something(layer)
            wanted = None if shown[i] else wanted
    return shown


def _makes(layer: Layer, shape: tuple[int, ...]) -> bool:
    changes = any(given.shape != shape for given in layer.inputs)
    return changes and any(out.shape == shape for out in layer.outputs)


def _changes_something(layer: Layer) -> bool:
    if layer.macs != 0 or layer.macs_status != "exact" or layer.params:
        return True
    if not layer.outputs or not layer.inputs:
        return False
    return all(given.shape != layer.outputs[0].shape for given in layer.inputs)


def _has_shown_child(i: int, nodes: list[_Node], shown: list[bool]) -> bool:
    for j in range(i + 1, len(nodes)):
        if nodes[j].level <= nodes[i].level:
            return False
        if shown[j]:
            return True
    return False


def _row(node: _Node, parent: _Node | None) -> Row:
    layer = node.layer
    return Row(
        layer,
        "" if layer.kind == "function" else _relative(layer.path, parent.layer.path if parent else ""),
        layer.kind,
        (),
        layer.params_total,
        node.trainable,
        node.buffers,
        node.param_bytes,
        node.allocated,
        node.saved,
    )


def _own(node: _Node) -> Row:
    layer = node.layer
    return Row(
        layer,
        "",
        "own",
        (),
        layer.params,
        layer.trainable_params,
        layer.buffers,
        layer.param_bytes,
        None,
        None,
    )


def _relative(path: str, enclosing: str) -> str:
    if not enclosing:
        return path
    return path[len(enclosing) + 1 :] if path.startswith(f"{enclosing}.") else path


def _with_guides(rows: list[Row], levels: list[int]) -> list[Row]:
    """Return ``rows`` knowing at each level whether a sibling follows; one pass from the end."""
    follows: list[bool] = []
    done: list[Row] = []
    for row, level in zip(reversed(rows), reversed(levels), strict=True):
        del follows[level:]
        follows.extend([False] * (level - len(follows)))
        done.append(replace(row, guides=tuple(follows[-_LEVELS:])))
        if level:
            follows[level - 1] = True
    return done[::-1]
