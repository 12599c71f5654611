"""What is alive after every operator, stacked by kind, with its peak."""

from __future__ import annotations

from itertools import accumulate
from typing import Any

from convinspect import units
from convinspect.errors import UsageError
from convinspect.plot.drawing import PlotOptions
from convinspect.records import Timeline
from convinspect.report import Report

_COLORS = {
    "weights": "#8a94a3",
    "inputs": "#3aa0a0",
    "optimizer": "#9268c9",
    "gradients": "#d2588a",
    "saved": "#3f7fdc",
    "outputs": "#55a868",
    "activations": "#e08b2d",
    "temporaries": "#d9c14a",
}
_OTHER = "#5b6672"


def draw(report: Report, options: PlotOptions, figure: Any) -> None:
    """Draw the memory of a training step, or where there is none, or it is asked for, of the forward alone."""
    if report.timeline is None:
        raise UsageError("the report has no timeline", "save it with: --json --json-sections timeline")
    line = report.timeline.inference if options.run == "inference" else report.timeline.training
    if line is None and options.run == "training":
        raise UsageError("no training step is known of this model")
    line = line or report.timeline.inference
    if not line.moments:
        raise UsageError("no operator ran")
    bands = alive(line)
    total = [sum(column) for column in zip(*bands.values(), strict=True)]
    unit = units.size(max(total)).rpartition(" ")[2]
    scale = units.BYTES[unit]
    figure.set_size_inches(7, 3.2)
    axes = figure.subplots()
    edges = range(len(total) + 1)
    below = [0.0] * len(edges)
    for kind, sizes in bands.items():
        above = [low + size / scale for low, size in zip(below, [*sizes, sizes[-1]], strict=True)]
        axes.fill_between(edges, below, above, step="post", label=kind, color=_COLORS.get(kind, _OTHER), linewidth=0)
        below = above
    peak = max(range(len(total)), key=total.__getitem__)
    axes.axhline(total[peak] / scale, color="black", linestyle=":", linewidth=0.8)
    axes.annotate(
        f"peak {units.size(total[peak], 3)}",
        (peak + 0.5, total[peak] / scale),
        textcoords="offset points",
        xytext=(0, 4),
        ha="center",
        fontweight="bold",
    )
    starts = [i for i, one in enumerate(line.moments) if i == 0 or line.moments[i - 1].phase != one.phase]
    for start, end in zip(starts, [*starts[1:], len(total)], strict=True):
        if start:
            axes.axvline(start, color="black", linestyle="--", linewidth=0.6)
        axes.annotate(
            line.moments[start].phase,
            ((start + end) / 2, 0),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            xytext=(0, -12),
            ha="center",
            va="top",
        )
    axes.set(xlim=(0, len(total)), ylim=(0, 1.12 * total[peak] / scale), ylabel=unit, xticks=[])
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False, reverse=True)


def alive(line: Timeline) -> dict[str, list[int]]:
    """Return the bytes of each kind that are alive after each moment."""
    found: dict[str, list[int]] = {}
    for kind in dict.fromkeys((*_COLORS, *(one.kind for one in line.allocations))):
        change = [0] * (len(line.moments) + 1)
        for one in line.allocations:
            if one.kind == kind:
                change[one.born] += one.bytes
                if one.died is not None:
                    change[one.died] -= one.bytes
        sizes = list(accumulate(change))[:-1]
        if any(sizes):
            found[kind] = sizes
    return found
