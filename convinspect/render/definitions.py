"""What the words of the page mean, for who asks: the columns, MACs, the peaks, and what follows from the fields."""

from __future__ import annotations

from collections.abc import Iterator

from convinspect import units
from convinspect.render import field, field_summary
from convinspect.render.cells import size_text
from convinspect.render.layout import Layout
from convinspect.report import Report

_MACS = (
    "One MAC is one multiply-add of a convolution, linear, matmul, attention, bilinear or recurrent layer; "
    "bias, norms, activations, pooling and softmax are not counted. FLOPs are twice the MACs"
)


def definitions(report: Report, layout: Layout) -> Iterator[str]:
    """Yield what each column means, then what else there is to say of the totals."""
    yield "A row includes the rows below it; hidden operators keep the shape, or are views or copies"
    for filled in layout.columns:
        yield f"{filled.column.heading}: {filled.column.means}"
    if report.model.format == "weights":
        return
    total = report.totals
    flops = f": {units.exact(total.macs)} and {units.exact(total.flops)} here" if total.macs and total.flops else ""
    eight = "; of complex numbers, eight times" if any(layer.complex_macs for layer in report.layers) else ""
    yield _MACS + eight + flops
    if total.buffers:
        yield f"Buffers: {units.exact(total.buffers)} elements"
    if total.memory.inference_peak_bytes is not None:
        yield "Peaks are of live tensors: kernels' own workspaces are not included"
    if total.memory.training:
        step = total.memory.training
        yield (
            f"A training step with {step.optimizer} as a whole: gradients {size_text(step.gradient_bytes)}, "
            f"optimizer state {size_text(step.optimizer_bytes)}, saved for backward {size_text(step.saved_bytes)}"
        )
    yield from _fields(report)


def _fields(report: Report) -> Iterator[str]:
    fields = [layer.receptive_field for layer in report.layers if layer.receptive_field]
    if all(one.status == "unknown" for one in fields):
        return
    steps = {1: "steps", 2: "pixels"}.get(len(fields[0].axes), "positions")
    seen = field_summary.whole_input_text(report)
    where = field.axes_text(fields[0], report) or f"{steps} of {fields[0].input}"
    yield f"Receptive fields are in {where}" + (f"; {seen}" if seen else "")
    yield f"Tile halo: {field_summary.halo_text(report) or 'not known'}"
