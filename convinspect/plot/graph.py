"""Modules and what they read, with shapes on the arrows; graphviz lays them out."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from convinspect.errors import UsageError
from convinspect.plot.drawing import PlotOptions
from convinspect.render.labels import geometry
from convinspect.report import Edge, Report
from convinspect.tree import Node, tree_of
from convinspect.units import shape

# As many boxes as a page has room for.
_FITTING = 20
# In inches: of a letter, a line, and what is around them.
_LETTER, _LINE, _AROUND = 0.08, 0.16, 0.24
# Longer texts are cut in their middle.
_LONGEST = 34
_PATIENCE = 60


def draw(report: Report, options: PlotOptions, figure: Any) -> None:
    """Draw the modules down to ``options.depth``, by default as deep as a page has room for."""
    if report.graph is None:
        raise UsageError("the report has no graph", "save it with: --json --json-sections graph")
    if not report.graph:
        raise UsageError("no row reads what another one made: nothing to draw")
    nodes = tree_of(report.layers)
    deepest = max(node.level for node in nodes)
    edges = _lifted(report.graph, nodes, deepest if options.depth is None else options.depth)
    if options.depth is None:
        depths = (_lifted(report.graph, nodes, depth) for depth in range(deepest, 0, -1))
        edges = next((found for found in depths if len(_ends(found)) <= _FITTING), _lifted(report.graph, nodes, 1))
    texts = {end: _text(report, end) for end in _ends(edges)}
    places = _laid_out(texts, edges)
    _drawn(places, texts, {edge: _shape(report, source) for edge, source in edges.items()}, figure)


def _lifted(graph: Sequence[Edge], nodes: Sequence[Node], depth: int) -> dict[Edge, int]:
    """Return the edges between rows of at most ``depth`` levels, with the row that made what is read."""

    def shown(row: int) -> int:
        node = nodes[row]
        while node.level > depth and node.parent is not None:
            node = node.parent
        return node.index

    found: dict[Edge, int] = {}
    for source, target in graph:
        edge = source if source < 0 else shown(source), shown(target)
        if edge[0] != edge[1]:
            found.setdefault(edge, source)
    return found


def _ends(edges: Mapping[Edge, int]) -> list[int]:
    return sorted({end for edge in edges for end in edge})


def _text(report: Report, end: int) -> tuple[str, ...]:
    if end < 0:
        return (_short(report.inputs[-end - 1].name),)
    layer = report.layers[end]
    kind = f"{layer.type}()" if layer.kind == "function" else layer.type
    what = _short(f"{kind} {geometry(layer, report.run.dtype)}".strip())
    return (_short(layer.path), what) if layer.kind == "module" and layer.path else (what,)


def _shape(report: Report, source: int) -> str:
    if source < 0:
        return shape(report.inputs[-source - 1].shape)
    outputs = report.layers[source].outputs
    return shape(outputs[0].shape) if outputs else ""


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST // 2]}…{text[1 - _LONGEST // 2 :]}"


@dataclass(frozen=True, slots=True)
class _Layout:
    """In inches, from the lower left: the size of all, boxes by their middle and size, arrows as Bezier curves."""

    size: tuple[float, float]
    boxes: dict[int, tuple[float, float, float, float]]
    arrows: dict[Edge, list[tuple[float, float]]]


def _laid_out(texts: Mapping[int, Sequence[str]], edges: Mapping[Edge, int]) -> _Layout:
    """Ask graphviz, of which only sizes are known: no text of the model reaches it."""
    program = shutil.which("dot")
    if program is None:
        raise UsageError("graphs are laid out by graphviz, which is not installed", "for example: apt install graphviz")
    lines = ["digraph {", "nodesep=0.25; ranksep=0.35; node [shape=box fixedsize=true];"]
    for end, said in texts.items():
        width, height = max(map(len, said)) * _LETTER + _AROUND, len(said) * _LINE + _AROUND / 2
        lines.append(f'"{end}" [width={width:.3f} height={height:.3f}];')
    lines += [f'"{source}" -> "{target}";' for source, target in edges]
    try:
        done = subprocess.run(  # noqa: S603 - the program is graphviz, its input numbers
            [program, "-Tplain"],
            input="\n".join([*lines, "}"]),
            capture_output=True,
            text=True,
            check=True,
            timeout=_PATIENCE,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise UsageError("graphviz could not lay the graph out", "--depth 1 draws fewer boxes") from error
    return _read(done.stdout)


def _read(plain: str) -> _Layout:
    """Read graphviz's plain format, a line an item: https://graphviz.org/docs/outputs/plain."""
    size, boxes, arrows = (1.0, 1.0), {}, {}
    for kind, *words in map(str.split, plain.splitlines()):
        if kind == "graph":
            size = float(words[1]), float(words[2])
        elif kind == "node":
            x, y, width, height = map(float, words[1:5])
            boxes[int(words[0].strip('"'))] = x, y, width, height
        elif kind == "edge":
            numbers = [float(word) for word in words[3 : 3 + 2 * int(words[2])]]
            ends = int(words[0].strip('"')), int(words[1].strip('"'))
            arrows[ends] = list(zip(numbers[::2], numbers[1::2], strict=True))
    return _Layout(size, boxes, arrows)


def _drawn(layout: _Layout, texts: Mapping[int, Sequence[str]], shapes: Mapping[Edge, str], figure: Any) -> None:
    from matplotlib.patches import FancyArrowPatch, FancyBboxPatch  # noqa: PLC0415 - it may not be installed
    from matplotlib.path import Path  # noqa: PLC0415

    figure.set_size_inches(max(layout.size[0], 1.5), max(layout.size[1], 1))
    axes = figure.subplots()
    for edge, points in layout.arrows.items():
        codes = [Path.MOVETO, *[Path.CURVE4] * (len(points) - 1)]
        arrow = Path(points, codes)
        axes.add_patch(FancyArrowPatch(path=arrow, arrowstyle="-|>", mutation_scale=7, color="#5b6672", linewidth=0.8))
        middle = points[len(points) // 2]
        axes.text(middle[0] + 0.05, middle[1], shapes[edge], fontsize=6.5, color="#5b6672", va="center")
    for end, (x, y, width, height) in layout.boxes.items():
        corner = x - width / 2, y - height / 2
        style = "round,pad=0,rounding_size=0.06"
        face = "#e3eeff" if end < 0 else "#ffffff"
        axes.add_patch(FancyBboxPatch(corner, width, height, boxstyle=style, facecolor=face, edgecolor="#1b2129"))
        said = texts[end]
        for place, text in enumerate(said):
            high = y + ((len(said) - 1) / 2 - place) * _LINE
            axes.text(x, high, text, ha="center", va="center", fontsize=8, fontweight="normal" if place else "bold")
    axes.set(xlim=(-0.1, layout.size[0] + 0.4), ylim=(-0.1, layout.size[1] + 0.1), aspect="equal")
    axes.set_axis_off()
