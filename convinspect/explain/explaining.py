"""A report to the arithmetic of its rows."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from convinspect.errors import UsageError
from convinspect.explain.field import field_steps
from convinspect.explain.memory import memory_steps
from convinspect.explain.parameters import mac_steps, parameter_steps, sum_steps
from convinspect.explain.picture import picture_of, unit_steps
from convinspect.explain.sizes import output_steps
from convinspect.explain.steps import Explanation, RowExplanation, Scene
from convinspect.report import Report
from convinspect.tree import below, tree_of
from convinspect.units import setting

# More rows than this are read by nobody: one has to be named.
_SMALL = 60


def explain(report: Report, layer: str | None = None) -> Explanation:
    """Return the arithmetic of the row ``layer`` of ``report``, or of every row.

    ``layer`` is a module's path, or the name of a function (``max_pool2d``) for each of its calls. Of a forward that
    stopped these are the rows that gave something by then. Raises `UsageError` where there is none, and where a large
    network is to be explained whole.
    """
    chosen = [index for index in _chosen(report, layer) if report.failure is None or report.layers[index].outputs]
    rows = explain_rows(report, chosen)
    if report.unit is None:
        return Explanation(report.model.target, rows)
    return Explanation(report.model.target, rows, report.unit, picture_of(report), tuple(unit_steps(report)))


def explain_rows(report: Report, indices: Sequence[int]) -> tuple[RowExplanation, ...]:
    """Return the arithmetic of the rows at ``indices``."""
    nodes = tree_of(report.layers)
    scenes = [
        Scene(
            report,
            index,
            tuple(report.layers[child] for child in below(nodes, index)),
            tuple(source for source, target in report.graph or () if target == index),
        )
        for index in indices
    ]
    return tuple(map(_row, scenes))


def _row(scene: Scene) -> RowExplanation:
    layer = scene.layer
    steps = (
        *output_steps(scene),
        *(sum_steps(scene) if scene.children else parameter_steps(scene)),
        *mac_steps(scene),
        *memory_steps(scene),
        *field_steps(scene),
    )
    settings = tuple((name, setting(value)) for name, value in layer.attributes.items())
    return RowExplanation(layer.path, layer.call, layer.type, layer.kind, settings, steps)


def _chosen(report: Report, layer: str | None) -> list[int]:
    layers = report.layers
    if layer is None:
        worth = [index for index, node in enumerate(tree_of(layers)) if node.leaf or not node.layer.depth]
        if len(worth) > _SMALL:
            heaviest = max(worth, key=lambda index: layers[index].macs or 0)
            raise UsageError(
                f"{report.model.name} has {len(worth)} rows: name the one to explain",
                f"for example the heaviest: {layers[heaviest].path or layers[heaviest].type}",
            )
        return worth
    found = [index for index, row in enumerate(layers) if row.kind == "module" and row.path == layer]
    found = found or [index for index, row in enumerate(layers) if row.kind == "function" and row.type == layer]
    if not found:
        names = [name for row in layers if (name := row.path if row.kind == "module" else row.type)]
        near = difflib.get_close_matches(layer, names := list(dict.fromkeys(names)), n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else f"for example: {', '.join(names[:3])}"
        raise UsageError(f"{layer}: no row of {report.model.name}", hint)
    return found
