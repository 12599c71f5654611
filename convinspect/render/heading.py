"""The two lines above the table: what it is and where it ran; then the totals that people come for."""

from __future__ import annotations

import re
from collections.abc import Sequence

from convinspect import units
from convinspect.render.cells import count_text, size_text
from convinspect.render.text import Glyphs, joined
from convinspect.report import Report, Tensor
from convinspect.tree import Sums
from convinspect.units import shape

# Where the line is too long, the peak that is meant goes without saying.
_PEAKS = re.compile("peak (.+) inference, (.+) training")


def heading(report: Report, glyphs: Glyphs, width: int, part: tuple[str, Sums] | None = None) -> list[str]:
    """Return the heading in lines of at most ``width`` cells; of the ``part`` that is shown, its path and its sums."""
    named = report.model.target if report.model.target != report.model.name else ""
    first, *where = _where(report)
    said = f"{report.model.name}   {named}" if named else report.model.name
    place = [f"{part[0]} of {said}"] if part else [said]
    totals = _sums(report, glyphs, *part) if part else _totals(report, glyphs)
    second = joined(totals, width, glyphs)
    if len(second) > 1:
        second = joined([_PEAKS.sub(r"peak \1, training \2", text) for text in totals], width, glyphs)
    return [*joined([*place, first, *where], width, glyphs), *second]


def _where(report: Report) -> list[str]:
    model, run = report.model, report.run
    if model.format == "weights":
        return ["weights alone: no forward, so no shapes, MACs or memory"]
    floating = run.dtype
    given = ", ".join(_input(tensor, floating) for tensor in report.inputs)
    inputs = [f"{'input' if len(report.inputs) == 1 else 'inputs'} {given}"] if given else []
    return [model.mode, run.device, floating, *inputs]


def _input(tensor: Tensor, floating: str) -> str:
    kind = "" if tensor.dtype == floating else f" {tensor.dtype}"
    return f"{tensor.name} {shape(tensor.shape)}{kind}"


def _totals(report: Report, glyphs: Glyphs) -> list[str]:
    total = report.totals
    said = [_weights(report)]
    if total.non_trainable_params:
        said.append(f"{units.exact(total.trainable_params)} trainable")
    if report.model.format == "weights":
        return said
    said.append(_macs(total.macs, total.macs_status, glyphs))
    memory = total.memory
    training = memory.training.peak_bytes if memory.training else None
    peaks = [
        f"{size_text(size)} {phase}"
        for phase, size in (("inference", memory.inference_peak_bytes), ("training", training))
        if size is not None
    ]
    return [*said, *([f"peak {', '.join(peaks)}"] if peaks else [])]


def _weights(report: Report) -> str:
    total = report.totals
    dtypes = [f"{size_text(size)} {dtype}" for dtype, size in total.bytes_by_dtype.items()]
    # Some bytes of another dtype are counters of batch norms: they make no mixed precision.
    floats = [text for text in dtypes if "int64" not in text]
    split = f": {', '.join(dtypes)}" if len(floats) > 1 else ""
    buffers = " with buffers" if total.buffer_bytes else ""
    return f"{units.exact(total.params)} params ({size_text(total.weight_bytes)}{buffers}{split})"


def _macs(macs: int | None, status: str, glyphs: Glyphs) -> str:
    # At least nothing is nothing known.
    if macs is None or status == "unknown" or (status == "lower_bound" and not macs):
        return "MACs not known"
    bound = f"{glyphs.at_least} " if status == "lower_bound" else ""
    return f"{bound}{count_text(macs, macs)} MACs"


def _sums(report: Report, glyphs: Glyphs, _: str, sums: Sums) -> Sequence[str]:
    """Return what a part adds up to, and how much of the whole that is."""
    whole = report.totals
    params = f"{units.exact(sums.params)} params ({size_text(sums.param_bytes)}{_share(sums.params, whole.params)})"
    said = [params]
    if report.model.format != "weights":
        share = _share(sums.macs or 0, whole.macs or 0).removeprefix(", ")
        said.append(_macs(sums.macs, sums.macs_status, glyphs) + (f" ({share})" if share else ""))
    if sums.memory.allocated_bytes is not None:
        said.append(f"{size_text(sums.memory.allocated_bytes)} activations")
    return said


def _share(part: int, whole: int) -> str:
    return f", {100 * part / whole:.0f} % of all" if part and whole else ""
