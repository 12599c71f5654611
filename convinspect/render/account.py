"""Memory as an account: kinds down, phases across; each column adds up to its peak."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from convinspect import units
from convinspect.ops import display_name
from convinspect.records import Measured, Peak
from convinspect.render.cells import DIGITS, size_text
from convinspect.render.text import Glyphs, shorten, text_width, wrapped
from convinspect.report import Report

# Which kinds stand in one line: what the forward made, whoever holds it.
_LINES = {
    "weights": ("weights",),
    "input": ("inputs",),
    "activations": ("activations", "outputs", "saved"),
    "gradients": ("gradients",),
    "optimizer state": ("optimizer",),
    "temporaries": ("temporaries",),
}
_KNOWN = {kind for kinds in _LINES.values() for kind in kinds}
_TITLE = "Peak memory"
_GAP = 3
# Of a unit: less than this would read 0.00.
_SMALLEST = 0.005


def account(report: Report, glyphs: Glyphs, width: int) -> list[str]:
    """Return the lines of the account, of at most ``width`` cells; none where no peak is known."""
    peaks = list(_peaks(report))
    lines = _drawn([phase for phase, _ in peaks], [peak for _, peak in peaks], glyphs, width) if peaks else []
    measured = report.totals.memory.measured
    if measured:
        lines += wrapped(_measured(measured, report.run.device), width, 2, glyphs)
    return lines


def _peaks(report: Report) -> Iterator[tuple[str, Peak]]:
    memory = report.totals.memory
    if memory.inference_peak:
        yield "inference", memory.inference_peak
    if memory.training and memory.training.peak:
        amp = f" {memory.training.amp}" if memory.training.amp else ""
        yield f"training, {memory.training.optimizer}{amp}", memory.training.peak


def _drawn(phases: Sequence[str], peaks: Sequence[Peak], glyphs: Glyphs, width: int) -> list[str]:
    sums = [_by_line(peak.by_kind) for peak in peaks]
    kinds = [name for name in sums[0] if any(column[name] for column in sums)]
    numbers = [
        [*_column([column[name] for name in kinds], peak.bytes, glyphs), size_text(peak.bytes)]
        for column, peak in zip(sums, peaks, strict=True)
    ]
    labels = [_TITLE, *(f"  {name}" for name in kinds), "  = peak"]
    places = [_place(peak) for peak in peaks]
    whole = _beside([*labels, "  at"], [[p, *n, at] for p, n, at in zip(phases, numbers, places, strict=True)])
    if max(map(text_width, whole)) <= width:
        return whole
    # The places are longer than the numbers: they get lines of their own.
    short = [phase.partition(",")[0] for phase in phases]
    told = [shorten(f"  {phase} peak: {place}", 2 * width, glyphs) for phase, place in zip(short, places, strict=True)]
    narrow = _beside(labels, [[p, *n] for p, n in zip(short, numbers, strict=True)], gap=2)
    return [*narrow, *(line for text in told for line in wrapped(text, width, 4, glyphs))]


def _by_line(by_kind: Mapping[str, int]) -> dict[str, int]:
    """Return the bytes of each line of the account; a kind that is not known here has its own."""
    known = {name: sum(by_kind.get(kind, 0) for kind in kinds) for name, kinds in _LINES.items()}
    return {**known, **{kind: size for kind, size in by_kind.items() if kind not in _KNOWN}}


def _column(sizes: Sequence[int], peak: int, glyphs: Glyphs) -> list[str]:
    """Return ``sizes`` in the unit of the ``peak``, which only the first has; what is too small for it in its own."""
    unit = size_text(peak).rpartition(" ")[2]
    blank = " " * (len(unit) + 1)
    found: list[str] = []
    for size in sizes:
        number = _in_unit(size, unit)
        if not size:
            found.append(glyphs.nothing + blank)
        elif number is None:
            found.append(size_text(size).replace(" B", " B".ljust(len(blank))))
        else:
            found.append(f"{number} {unit}" if not found else number + blank)
    return found


def _in_unit(size: int, unit: str) -> str | None:
    """Return ``size`` in ``unit`` without its name, in three figures, two decimals at most; ``None`` for nearly 0."""
    value = size / units.BYTES[unit]
    if value < _SMALLEST:
        return None
    return f"{value:.{min(2, max(0, DIGITS - len(str(int(value)))))}f}" if unit != "B" else str(size)


def _beside(labels: Sequence[str], columns: Sequence[Sequence[str]], gap: int = _GAP) -> list[str]:
    lines = [label.ljust(max(map(len, labels))) for label in labels]
    for cells in columns:
        breadth = max(map(text_width, cells))
        lines = [
            line + " " * (gap + breadth - text_width(cell)) + cell for line, cell in zip(lines, cells, strict=True)
        ]
    return [line.rstrip() for line in lines]


def _place(peak: Peak) -> str:
    """Return where the peak falls: ``max_pool2d()``, ``layer1.1.bn3``, ``backward of fc (add)``, ``optimizer step``."""
    if peak.op is None:
        return "start"
    op = display_name(peak.op)
    if peak.phase == "step":
        return "optimizer step"
    if peak.phase == "backward":
        return f"backward of {peak.path or 'the model'} ({op})"
    return f"{peak.path} ({op})" if peak.path else f"{op}()"


def _measured(measured: Measured, device: str) -> str:
    workspaces = f" beside workspaces of {size_text(measured.workspace_bytes)}" if measured.workspace_bytes else ""
    return (
        f"Measured on {device}: {size_text(measured.allocated_bytes)} allocated, "
        f"{size_text(measured.reserved_bytes)} reserved; estimate in blocks {size_text(measured.estimate_bytes)}"
        f"{workspaces}, difference {measured.difference_percent:+.1f} %"
    )
