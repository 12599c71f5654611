"""What of a report is shown: rows down to a depth, with what is deeper folded in, and operators that explain it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import Any

from convinspect.errors import UsageError
from convinspect.ops import is_view_named
from convinspect.report import WEIGHTS, Layer, Report, TotalMemory
from convinspect.spec import SECTIONS
from convinspect.tree import Node, add_up, totals_of, tree_of

# They speak of the whole report.
_NO_SECTIONS: dict[str, Any] = dict.fromkeys(SECTIONS)


def at_depth(report: Report, depth: int) -> Report:
    """Return ``report`` with the rows deeper than ``depth`` folded into their ancestor at that depth.

    The ancestor becomes a leaf whose own parameters, MACs, buffers, bytes and memory are the sums of what it
    took in, so the rows still add up to the totals. Depth 0 leaves the model itself.
    """
    kept = (node for node in tree_of(report.layers) if node.level <= depth)
    layers = tuple(node.layer if node.level < depth else _folded(node) for node in kept)
    return replace(report, layers=layers, **_NO_SECTIONS)


def _folded(node: Node) -> Layer:
    if node.leaf:
        return node.layer
    names = (*WEIGHTS, "macs", "complex_macs", "memory")
    return replace(node.layer, leaf=True, **{name: getattr(node.sums, name) for name in names})


def part_of(report: Report, path: str) -> Report:
    """Return the report of the module ``path`` alone: its rows, in every call, and what they add up to.

    What only the whole run has, the peaks of memory, is not known of a part. Raises `UsageError` where there is none.
    """
    layers = tuple(report.layers[i] for start, end in spans_of(report.layers, path) for i in range(start, end))
    sums = add_up(layers)
    return replace(
        report,
        layers=layers,
        totals=totals_of(sums, TotalMemory(report.totals.memory.input_bytes, sums.weight_bytes, None, None, None), {}),
        warnings=tuple(note for note in report.warnings if _is_within(note.path, path)),
        uncounted=tuple(one for one in report.uncounted if _is_within(one.path, path)),
        unit=None,
        **_NO_SECTIONS,
    )


def spans_of(layers: Sequence[Layer], path: str) -> list[tuple[int, int]]:
    """Return where each call of the module ``path`` begins and ends; raises `UsageError` where there is none.

    Of a container that does not run itself, such as a list, it is the calls of what it holds.
    """
    modules = [(start, layer) for start, layer in enumerate(layers) if layer.kind == "module"]
    starts = [start for start, layer in modules if layer.path == path]
    starts = starts or [start for start, layer in modules if path and layer.path.startswith(f"{path}.")]
    found: list[tuple[int, int]] = []
    for start in starts:
        inner = range(start + 1, len(layers))
        if not found or start >= found[-1][1]:
            found.append((start, next((i for i in inner if layers[i].depth <= layers[start].depth), len(layers))))
    if not found:
        held = (name for _, layer in modules for name in (layer.path, layer.path.rpartition(".")[0]))
        paths = list(dict.fromkeys(name for name in held if name))
        near = get_close_matches(path, paths, 3, 0.5) or paths[:3]
        raise UsageError(f"--only {path}: no module of that path", f"for example: {', '.join(near)}" if near else None)
    return found


def _is_within(path: str | None, part: str) -> bool:
    return path is not None and (path == part or path.startswith(f"{part}."))


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
            # A view that has a bound is one that failed.
            if is_view_named(layer.type) and layer.macs_status == "exact":
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


def counts_on(name: str, following: str) -> bool:
    """Return whether ``following`` is the name that counts on from ``name``: ``blocks.4`` from ``blocks.3``."""
    prefix, _, last = name.rpartition(".")
    other, _, then = following.rpartition(".")
    numbered = last.isascii() and last.isdigit() and then.isascii() and then.isdigit()
    return prefix == other and numbered and int(then) == int(last) + 1
