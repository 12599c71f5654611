"""What of a report is shown: rows down to a depth, with what is deeper folded in, and operators that explain it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from convinspect.ops import is_view_named
from convinspect.report import Layer, Report
from convinspect.tree import Node, tree_of


def at_depth(report: Report, depth: int) -> Report:
    """Return ``report`` with the rows deeper than ``depth`` folded into their ancestor at that depth.

    The ancestor becomes a leaf whose own parameters, MACs, buffers, bytes and memory are the sums of what it
    took in, so the rows still add up to the totals. Depth 0 leaves the model itself.
    """
    kept = (node for node in tree_of(report.layers) if node.level <= depth)
    layers = tuple(node.layer if node.level < depth else _folded(node) for node in kept)
    return replace(report, layers=layers, graph=None)


def _folded(node: Node) -> Layer:
    if node.leaf:
        return node.layer
    sums = node.sums
    return replace(
        node.layer,
        leaf=True,
        params=sums.params,
        trainable_params=sums.trainable_params,
        buffers=sums.buffers,
        param_bytes=sums.param_bytes,
        buffer_bytes=sums.buffer_bytes,
        macs=sums.macs,
        complex_macs=sums.complex_macs,
        memory=sums.memory,
    )


def worth_showing(layers: Sequence[Layer]) -> list[bool]:
    """Return for each of ``layers`` whether it explains the network.

    Modules do. Operators that change neither shape nor cost do not, nor do views, except a view that gives the
    module which runs next the shape that it takes.
    """
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
