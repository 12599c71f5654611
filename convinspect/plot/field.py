"""What the centre units of some layers see, one box within the other, on the input."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from convinspect.errors import UsageError
from convinspect.plot.drawing import PlotOptions
from convinspect.records import Interval
from convinspect.report import Layer, Report

# As many boxes as can be told apart.
_BOXES = 6
_COLORS = ("#1f6feb", "#d2588a", "#2d7d5a", "#e08b2d", "#8a4fa3", "#1f7a8c")


def draw(report: Report, options: PlotOptions, figure: Any) -> None:
    """Draw the boxes of ``options.layers``, or of layers whose boxes grow evenly; the last two axes are the plane.

    Of a global field it is the local box.
    """
    from matplotlib.patches import Rectangle  # noqa: PLC0415 - it may not be installed

    layers = _named(report, options.layers) if options.layers else _telling(report)
    field = layers[0].receptive_field
    if field is None:
        raise UsageError(f"{layers[0].path}: depends on no input with positions")
    shape = next((one.shape for one in report.inputs if one.name == field.input), ())
    lengths = [shape[axis] for axis in field.axes]
    width, height = lengths[-1], lengths[-2] if len(lengths) > 1 else max(1, lengths[-1] // 8)
    figure.set_size_inches(4.4, max(1.4, min(4.4 * height / width, 5)))
    axes = figure.subplots()
    axes.add_patch(Rectangle((0, 0), width, height, facecolor="#f1f3f6", edgecolor="#5b6672"))
    for number, layer in enumerate(reversed(layers)):
        sides = [side for side in _box(layer) or () if side is not None]
        if len(sides) < len(lengths):
            continue
        x, y = sides[-1], sides[-2] if len(sides) > 1 else (0, height - 1)
        size = "x".join(str(_length(side)) for side in sides)
        color = _COLORS[(len(layers) - 1 - number) % len(_COLORS)]
        label = f"{layer.path or report.model.name}: {size}"
        axes.add_patch(
            Rectangle((x[0], y[0]), _length(x), _length(y), facecolor=f"{color}22", edgecolor=color, label=label)
        )
    axes.set(xlim=(0, width), ylim=(height, 0), aspect="equal", xticks=[0, width], yticks=[0, height])
    axes.set_title(f"{field.input}: what one unit in the middle sees", fontsize=9, loc="left")
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)


def _named(report: Report, paths: Sequence[str]) -> list[Layer]:
    found = []
    for path in paths:
        layer = next((one for one in report.layers if one.kind == "module" and one.path == path and one.call), None)
        if layer is None:
            raise UsageError(f"--layer {path}: no module of this path ran")
        if _box(layer) is None:
            raise UsageError(f"--layer {path}: its output depends on no input with positions")
        found.append(layer)
    return found


def _telling(report: Report) -> list[Layer]:
    """Return modules whose boxes differ, evenly taken from the first to the last."""
    found: dict[object, Layer] = {}
    for layer in report.layers:
        box = _box(layer) if layer.kind == "module" and layer.call else None
        if box is not None and None not in box and layer.depth:
            found.setdefault(box, layer)
    layers = list(found.values())
    if not layers:
        raise UsageError("no layer's field is known: nothing to draw")
    if len(layers) <= _BOXES:
        return layers
    return [layers[round(i * (len(layers) - 1) / (_BOXES - 1))] for i in range(_BOXES)]


def _box(layer: Layer) -> tuple[Interval | None, ...] | None:
    field = layer.receptive_field
    if field is None or field.status == "unknown":
        return None
    return field.local.center if field.local is not None else field.center


def _length(side: Interval) -> int:
    return side[1] - side[0] + 1
