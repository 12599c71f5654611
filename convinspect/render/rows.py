"""Which rows a table shows, where each hangs in the tree, and what it adds up to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import TYPE_CHECKING, Literal, TypeAlias

from convinspect.render.remarks import remarks
from convinspect.tree import Node, Sums, total, tree_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from convinspect.report import Layer, Report

Role: TypeAlias = Literal["module", "function", "own"]

# Not unfold: `F.unfold` has that name too, and is worth a row.
_VIEWS = """
    adjoint alias as_strided broadcast_tensors broadcast_to chunk clone contiguous copy detach diagonal dsplit
    expand expand_as flatten hsplit mH mT moveaxis movedim narrow numpy_T permute ravel real reshape
    reshape_as select slice split split_with_sizes squeeze swapaxes swapdims t tensor_split to to_copy transpose
    type_as unbind unflatten unsqueeze view view_as vsplit
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: a layer, or the parameters that a module with layers below it owns itself.

    ``guides`` says for each enclosing level but the outermost whether more siblings follow there; the last
    entry is the row's own level. ``sums`` include everything below. ``first_params`` are those of the module's first
    call, where this is a later one.
    """

    layer: Layer
    name: str
    role: Role
    guides: tuple[bool, ...]
    sums: Sums
    remark: str = ""
    first_params: int = 0


def table_rows(report: Report) -> list[Row]:
    """Return the rows that explain the network, in the order of its layers; linear in their number.

    Left out are operators that change neither shape nor cost, and views, except a view that gives the module
    which runs next the shape that it takes.
    """
    nodes = zip(tree_of(report.layers), remarks(report), _shown(report.layers), strict=True)
    shown = [(node, remark) for node, remark, is_shown in nodes if is_shown]
    first: dict[str, int] = {}
    rows: list[Row] = []
    for (node, remark), following in zip_longest(shown, shown[1:]):
        row = _row(node, remark)
        if row.role == "module":
            row = replace(row, first_params=first.setdefault(node.layer.path, node.sums.params))
        rows.append(row)
        if node.layer.params and following is not None and following[0].level > node.level:
            rows.append(_own(node))
    return _with_guides(rows)


def is_view_named(type_name: str) -> bool:
    """Return whether the operators of that name in a report only rename, pick or copy elements."""
    return type_name in _VIEWS.split()


def _shown(layers: Sequence[Layer]) -> list[bool]:
    shown = [True] * len(layers)
    # The shape that the next module takes, while nothing between here and there changes it; None: no module.
    wanted: tuple[int, ...] | None = None
    for i in range(len(layers) - 1, -1, -1):
        layer = layers[i]
        if layer.kind == "function":
            if is_view_named(layer.type):
                shown[i] = wanted is not None and _makes(layer, wanted)
            else:
                shown[i] = _changes_something(layer)
            wanted = None if shown[i] else wanted
        elif layer.call:
            wanted = layer.inputs[0].shape if layer.inputs else None
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


def _row(node: Node, remark: str) -> Row:
    layer = node.layer
    enclosing = f"{node.parent.layer.path}." if node.parent and node.parent.layer.path else ""
    name = "" if layer.kind == "function" else layer.path.removeprefix(enclosing)
    return Row(layer, name, layer.kind, (False,) * node.level, node.sums, remark)


def _own(node: Node) -> Row:
    # Parameters take nothing and give nothing.
    layer = replace(node.layer, inputs=(), outputs=(), receptive_field=None)
    return Row(layer, "", "own", (False,) * (node.level + 1), total([node.layer]))


def _with_guides(rows: list[Row]) -> list[Row]:
    """Return ``rows`` knowing at each level whether a sibling follows; one pass from the end."""
    follows: list[bool] = []
    done: list[Row] = []
    for row in reversed(rows):
        level = len(row.guides)
        del follows[level:]
        follows.extend([False] * (level - len(follows)))
        done.append(replace(row, guides=tuple(follows)))
        if level:
            follows[level - 1] = True
    return done[::-1]
