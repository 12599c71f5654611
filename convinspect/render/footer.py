"""What stands above and below the rows: what ran, and what it adds up to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convinspect import units
from convinspect.render import field, field_summary
from convinspect.render.cells import shape
from convinspect.render.memory import memory_lines
from convinspect.render.text import Line

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from convinspect.render.columns import Topic
    from convinspect.render.text import Glyphs
    from convinspect.report import Report

_MACS = (
    "One MAC is one multiply-add of a convolution, linear, matmul, attention, bilinear or recurrent layer; "
    "bias, norms, activations, pooling and softmax are not counted. FLOPs are twice the MACs"
)
# Seven digits and more are also said in SI.
_LONG = 1_000_000


def header(report: Report) -> Iterator[Line]:
    """Yield what was inspected: model, target, mode, device, dtype, and each input."""
    model, run = report.model, report.run
    named = model.name if model.name == model.target else f"{model.name} from {model.target}"
    yield Line("Model", named, "bold")
    if model.format == "weights":
        yield Line("Run", "none: a weights file has no forward, so no shapes, MACs or memory")
        return
    batch = "" if run.batch_size is None else f", batch size {run.batch_size}"
    yield Line("Run", f"{model.mode} mode on {run.device} in {run.dtype}{batch}")
    for i, tensor in enumerate(report.inputs):
        yield Line("" if i else "Input", f"{tensor.name}: {shape(tensor.shape)} {tensor.dtype}")


def totals(report: Report, glyphs: Glyphs, topics: Collection[Topic]) -> Iterator[Line]:
    """Yield parameters, buffers and weights; MACs, memory and the receptive field as far as ``topics`` have them."""
    yield from _weights(report)
    if report.model.format == "weights":
        return
    if "macs" in topics:
        yield from _macs(report, glyphs)
    if "memory" in topics:
        yield from memory_lines(report)
    if "field" in topics:
        yield from _field(report)
    if report.unit:
        yield Line("Unit", field.unit_text(report.unit))


def _weights(report: Report) -> Iterator[Line]:
    total = report.totals
    yield Line("Params", _counted(total.params) + _trainable(report))
    if total.buffers:
        yield Line("Buffers", _counted(total.buffers))
    parts = [f"{units.size(size)} {dtype}" for dtype, size in total.bytes_by_dtype.items()]
    split = f" ({', '.join(parts)})" if len(parts) > 1 else f" of {next(iter(total.bytes_by_dtype), '')}"
    yield Line("Weights", units.size(total.weight_bytes) + (split if parts else ""))


def _trainable(report: Report) -> str:
    total = report.totals
    if not total.params:
        return ""
    if not total.non_trainable_params:
        return ", all trainable"
    if not total.trainable_params:
        return ", all frozen"
    return f": {_counted(total.trainable_params)} trainable, {_counted(total.non_trainable_params)} frozen"


def _counted(value: int) -> str:
    return units.exact(value) if value < _LONG else f"{units.exact(value)} ({units.count(value)})"


def _macs(report: Report, glyphs: Glyphs) -> Iterator[Line]:
    total = report.totals
    # At least nothing is nothing known.
    nothing = total.macs_status == "unknown" or (total.macs_status == "lower_bound" and not total.macs)
    if total.macs is None or total.flops is None or nothing:
        yield Line("MACs", "not known")
    else:
        bound = f"{glyphs.at_least} " if total.macs_status == "lower_bound" else ""
        yield Line("MACs", f"{bound}{_counted(total.macs)}, FLOPs {bound}{_counted(total.flops)}")
    complex_macs = any(layer.complex_macs for layer in report.layers)
    yield Line("", _MACS + ("; of complex numbers, eight times." if complex_macs else "."), "dim")


def _field(report: Report) -> Iterator[Line]:
    fields = [layer.receptive_field for layer in report.layers if layer.receptive_field]
    if all(one.status == "unknown" for one in fields):
        return
    steps = {1: "steps", 2: "pixels"}.get(len(fields[0].axes), "positions")
    where = f"{steps} of {fields[0].input}" if len(report.inputs) > 1 else f"input {steps}"
    seen = field_summary.whole_input_text(report)
    yield Line("RF", f"receptive field in {where}" + (f"; {seen}" if seen else ""))
    yield Line("Tile halo", field_summary.halo_text(report) or "not known")
