"""A report cut off at a depth: what lies deeper is folded into the module that encloses it."""

from __future__ import annotations

from dataclasses import replace

from convinspect.report import Layer, Report
from convinspect.tree import Node, tree_of


def at_depth(report: Report, depth: int) -> Report:
    """Return ``report`` with the rows deeper than ``depth`` folded into their ancestor at that depth.

    The ancestor becomes a leaf whose own parameters, MACs, buffers, bytes and memory are the sums of what it
    took in, so the rows still add up to the totals. Depth 0 leaves the model itself.
    """
    kept = (node for node in tree_of(report.layers) if node.level <= depth)
    return replace(report, layers=tuple(node.layer if node.level < depth else _folded(node) for node in kept))


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
        memory=sums.memory,
    )
