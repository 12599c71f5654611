"""What a row newly allocates, and what of it is kept for the backward pass and why."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from convinspect.explain.known import ELEMENTWISE, KEEPS_INPUT, KEEPS_NOTHING, KEEPS_OUTPUT
from convinspect.explain.steps import Scene, Step
from convinspect.ops import is_view_named
from convinspect.report import Layer, Report
from convinspect.units import shape

_INDEX_BYTES = 8
_PLAIN = frozenset(("add", "sub", "mul", "div", "cat", "pad", "interpolate", "linear", "conv1d", "conv2d", "conv3d"))
_POOLS = frozenset(("max_pool2d", "max_pool3d", "MaxPool2d", "MaxPool3d"))
_ONE_OPERATOR = frozenset(("avg_pool2d", "avg_pool3d", "AvgPool2d", "AvgPool3d"))
_MATRIX = 2
# They keep their input for the gradient of their own weights: where these are frozen, or another layer's, or given to
# a call, it is not told here what is kept.
_LEARNING = frozenset(
    name for name in KEEPS_INPUT if name.lower().startswith(("conv", "linear", "batch", "layer", "group"))
)


def memory_steps(scene: Scene) -> Iterator[Step]:
    """Yield the bytes of the row's output, what comes with it, and what lives on until the backward pass."""
    layer = scene.layer
    if scene.children or not layer.call:
        return
    if layer.memory.allocated_bytes is not None:
        yield _allocated(layer)
    if layer.memory.saved_bytes is not None and scene.report.totals.memory.training is not None:
        yield _saved(scene, layer)


def _allocated(layer: Layer) -> Step:
    traced = layer.memory.allocated_bytes
    if layer.runs > 1:
        return Step("memory", "allocated", traced=traced, why=f"by all {layer.runs} runs")
    if layer.attributes.get("inplace"):
        return Step("memory", "allocated", "in place: it writes over its input", 0, traced)
    if layer.kind == "function" and is_view_named(layer.type) and traced == 0:
        return Step("memory", "allocated", traced=traced, why="a view: the same bytes in another shape")
    if traced == 0:
        return Step("memory", "allocated", traced=traced, why="nothing new")
    found = _bytes_of(layer)
    if found is None:
        return Step("memory", "allocated", traced=traced, why=_with_more(layer))
    return Step("memory", "allocated", found[0], found[1], traced)


def _with_more(layer: Layer) -> str:
    output = sum(out.bytes for out in layer.outputs)
    more = (layer.memory.allocated_bytes or 0) - output
    return f"{output:,} for the output, {more:,} for what is computed on the way" if layer.outputs and more > 0 else ""


def _bytes_of(layer: Layer) -> tuple[str, int] | None:
    """Return the working of a row that is one operator with one output."""
    if len(layer.outputs) != 1:
        return None
    out = layer.outputs[0]
    elements = prod(out.shape)
    if not elements or out.bytes % elements:
        return None
    each = out.bytes // elements
    text = f"{shape(out.shape)} * {each} bytes"
    if layer.type in _POOLS and layer.attributes.get("pool") == "max":
        return f"{text} + {elements:,} indices * {_INDEX_BYTES} bytes", out.bytes + elements * _INDEX_BYTES
    if layer.type in _PLAIN | ELEMENTWISE | _ONE_OPERATOR or _is_plain(layer):
        return text, elements * each
    return None


def _is_plain(layer: Layer) -> bool:
    """Tell whether a layer is one operator: padding that torch does not do itself is copied into first."""
    found = layer.attributes
    mirrored = found.get("padding_mode") != "zeros"
    uneven = any(not isinstance(padding, int) for padding in found.get("padding", ()))
    if layer.type == "Linear":
        # What is no matrix is made one first, which may be a copy.
        made = layer.outputs[0]
        return len(made.shape) == _MATRIX or layer.memory.allocated_bytes == made.bytes
    return layer.type.startswith("Conv") and "in_channels" in found and not mirrored and not uneven


def _saved(scene: Scene, layer: Layer) -> Step:
    traced = layer.memory.saved_bytes
    if layer.runs > 1:
        return Step("memory", "saved", traced=traced, why=f"by all {layer.runs} runs")
    kept = _who_keeps(scene.report, scene.index)
    found = _bytes_of(layer)
    if kept is None or found is None or layer.attributes.get("inplace"):
        return Step("memory", "saved", traced=traced, why="what the backward pass needs of it" if traced else "")
    if not kept and layer.type not in _POOLS:
        return Step("memory", "saved", "nobody needs it again", 0, traced)
    out = layer.outputs[0]
    indices = prod(out.shape) * _INDEX_BYTES if layer.type in _POOLS else 0
    where = "the indices say where each gradient goes" if indices else ""
    if not kept:
        return Step("memory", "saved", f"{prod(out.shape):,} indices * {_INDEX_BYTES} bytes", indices, traced, where)
    reason = "; ".join(filter(None, (f"kept by {kept}", where)))
    return Step("memory", "saved", found[0], out.bytes + indices, traced, reason)


def _who_keeps(report: Report, index: int) -> str | None:
    """Return who keeps what row ``index`` made, ``""`` for nobody, ``None`` where that is not known.

    The row's own backward pass may need its output; those that read it, or a view of it, their input.
    """
    reason = ""
    readers = _readers(report)
    if not _has_gradient(report, index):
        # Nothing before it learns, as far as the rows tell; weights that are given to a call are not theirs.
        return None
    waiting = [index]
    while waiting:
        place = waiting.pop()
        layer = report.layers[place]
        if layer.type in KEEPS_OUTPUT:
            reason = reason or f"{_name(layer)} itself: its gradient is told by its output"
        elif layer.type not in KEEPS_INPUT | KEEPS_NOTHING | _PLAIN | ELEMENTWISE and not _is_view(layer):
            return None
        for reader in readers.get(place, ()):
            row = report.layers[reader]
            if _is_view(row) or (row.attributes.get("inplace") and row.type in KEEPS_OUTPUT):
                waiting.append(reader)
            elif row.type in KEEPS_INPUT and not row.attributes.get("inplace"):
                reason = reason or f"{_name(row)}: its gradient is told by its input"
            elif row.type not in KEEPS_OUTPUT | KEEPS_NOTHING or row.attributes.get("inplace"):
                return None
            if _runs_between(report, readers, place, reader) or _keeps_something_else(row):
                return None
    # An output of the model is held by whoever called it.
    return reason if reason or index in readers else None


def _keeps_something_else(layer: Layer) -> bool:
    """Tell whether a layer may keep no input, for its weights do not learn, or the copy of it that it makes first."""
    if layer.type in _LEARNING and not layer.trainable_params:
        return True
    return layer.type.startswith(("Conv", "Linear")) and not _is_plain(layer)


def _has_gradient(report: Report, index: int) -> bool:
    """Tell whether row ``index`` or one that it follows from has parameters that are trained."""
    sources: dict[int, list[int]] = {}
    for source, reader in report.graph or ():
        sources.setdefault(reader, []).append(source)
    waiting, seen = [index], {index}
    while waiting:
        place = waiting.pop()
        if place >= 0 and report.layers[place].trainable_params:
            return True
        new = [source for source in sources.get(place, ()) if source not in seen]
        seen.update(new)
        waiting += new
    return False


def _readers(report: Report) -> dict[int, list[int]]:
    readers: dict[int, list[int]] = {}
    for source, reader in report.graph or ():
        readers.setdefault(source, []).append(reader)
    return readers


def _is_view(layer: Layer) -> bool:
    return layer.kind == "function" and is_view_named(layer.type) and layer.memory.allocated_bytes == 0


def _runs_between(report: Report, readers: dict[int, list[int]], source: int, reader: int) -> bool:
    """Tell whether a module without operators stands between two rows: in training it may have some (dropout)."""
    reading = {row for rows in readers.values() for row in rows}
    between = range(source + 1, reader)
    return any(i not in reading and report.layers[i].leaf and report.layers[i].kind == "module" for i in between)


def _name(layer: Layer) -> str:
    return layer.path if layer.kind == "module" and layer.path else f"{layer.type}()"
