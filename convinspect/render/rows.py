"""The rows of a table: where each hangs in the tree, what is said of it, and what it adds up to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import TYPE_CHECKING, Literal, TypeAlias

from convinspect.fold import worth_showing
from convinspect.tree import Node, Sums, total, tree_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from convinspect.report import Layer, Report

Role: TypeAlias = Literal["module", "function", "own"]

# More levels than any table is wide.
_LEVELS = 256


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: a layer, or the parameters that a module with layers below it owns itself.

    ``guides`` says for each enclosing level but the outermost whether more siblings follow there; the last entry is the
    row's own level, and of a very deep tree the innermost levels are kept. ``sums`` include everything below.
    ``remark`` stands behind the name: a later call, a failure, whose weights are shared. ``first_params`` are those of
    the path's first call.
    """

    layer: Layer
    name: str
    role: Role
    guides: tuple[bool, ...]
    sums: Sums
    remark: str = ""
    first_params: int = 0


def table_rows(report: Report) -> list[Row]:
    """Return the rows that explain the network, in the order of its layers; linear in their number."""
    nodes = zip(tree_of(report.layers), _remarks(report), worth_showing(report.layers), strict=True)
    shown = [(node, remark) for node, remark, is_shown in nodes if is_shown]
    first: dict[str, int] = {}
    rows: list[Row] = []
    levels: list[int] = []
    for (node, remark), following in zip_longest(shown, shown[1:]):
        levels.append(node.level)
        rows.append(_row(node, remark, first.setdefault(node.layer.path, node.sums.params)))
        if node.layer.params and following is not None and following[0].level > node.level:
            rows.append(_own(node))
            levels.append(node.level + 1)
    return _with_guides(rows, levels)


def _remarks(report: Report) -> Iterator[str]:
    """Yield a remark for each layer of ``report``: ``" (call 2) (failed)"``, or nothing."""
    failed = _failed_call(report)
    never_ran = {note.path for note in report.warnings if note.code == "never_ran" and note.path}
    reached = True
    for layer in report.layers:
        said = ""
        if layer.kind == "function":
            pass
        elif (layer.path, layer.call) == failed:
            reached = False
            said = f"{_call(layer)} (failed)"
        elif layer.call or report.model.format == "weights":
            said = _call(layer)
        elif failed is not None:
            # Whether a module that stands before the failure would have run later is not known.
            said = "" if reached else " (not reached)"
        elif layer.path in never_ran or layer.path.rpartition(".")[0] in never_ran:
            never_ran.add(layer.path)
            said = " (never ran)"
        else:
            # Attention reads the weights of its projection without calling it: that is not the same as never running.
            said = " (not called)"
        yield said if layer.shared_with is None else f"{said} (shares {layer.shared_with or 'the model'})"


def _call(layer: Layer) -> str:
    return f" (call {layer.call})" if layer.call > 1 else ""


def _failed_call(report: Report) -> tuple[str, int] | None:
    """Return where the forward stopped: the last call of that module, or of the one that it is folded into."""
    path = _failed_path(report)
    if path is None:
        return None
    calls = {layer.path: layer.call for layer in report.layers if layer.kind == "module"}
    while path and path not in calls:
        path = path.rpartition(".")[0]
    return path, calls.get(path, 0)


def _failed_path(report: Report) -> str | None:
    return report.failure.path if report.failure else None


def _row(node: Node, remark: str, first_params: int) -> Row:
    layer = node.layer
    enclosing = f"{node.parent.layer.path}." if node.parent and node.parent.layer.path else ""
    name = "" if layer.kind == "function" else layer.path.removeprefix(enclosing)
    return Row(layer, name, layer.kind, (), node.sums, remark, first_params)


def _own(node: Node) -> Row:
    # Parameters take nothing and give nothing.
    layer = replace(node.layer, inputs=(), outputs=(), receptive_field=None)
    return Row(layer, "", "own", (), total([node.layer]))


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
