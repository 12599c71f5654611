"""What stands above and below the rows: the run, the totals, what the signs mean, and every warning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from convinspect import units
from convinspect.render import field
from convinspect.render.columns import shape
from convinspect.render.glyphs import clean

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from convinspect.render.glyphs import Glyphs
    from convinspect.render.layout import Layout
    from convinspect.report import Layer, Report

_MACS = (
    "One MAC is one multiply-add of a convolution, linear, matmul, attention, bilinear or recurrent layer; "
    "bias, norms, activations, pooling and softmax are not counted. FLOPs = 2 x MACs."
)
_CAUSES = 3


@dataclass(frozen=True, slots=True)
class Line:
    """A paragraph beside its label; without a label it goes on under the one before."""

    label: str
    text: str
    style: str = ""


def header(report: Report) -> Iterator[Line]:
    """Yield what was inspected: model, target, mode, device, dtype, and each input."""
    model, run = report.model, report.run
    yield Line("Model", model.name if model.name == model.target else f"{model.name} from {model.target}", "bold")
    if model.format == "weights":
        yield Line("Run", "none: a weights file has no forward, so there are no shapes, MACs or memory")
        return
    batch = "" if run.batch_size is None else f", batch size {run.batch_size}"
    yield Line("Run", f"{model.mode} mode on {run.device} in {run.dtype}{batch}")
    for i, tensor in enumerate(report.inputs):
        yield Line("" if i else "Input", f"{tensor.name}: {shape(tensor.shape)} {tensor.dtype}")


def footer(report: Report, layout: Layout, left_out: Sequence[Line], glyphs: Glyphs) -> Iterator[Line]:
    """Yield totals, memory, field, the signs that occur in ``layout``, and every warning."""
    yield from _weights(report)
    yield from _macs(report, glyphs)
    yield from _memory(report)
    yield from _field(report)
    yield from left_out
    if layout.dropped:
        yield Line("Left out", f"{' and '.join(layout.dropped)}, for want of width")
    yield from _legend(report, layout, glyphs)
    yield from _warnings(report)


def _weights(report: Report) -> Iterator[Line]:
    totals = report.totals
    yield Line("Params", f"{_counted(totals.params)}{_trainable(report)}")
    if totals.buffers:
        yield Line("Buffers", _counted(totals.buffers))
    parts = [f"{units.size(size)} {dtype}" for dtype, size in totals.bytes_by_dtype.items()]
    split = f" ({', '.join(parts)})" if len(parts) > 1 else f" of {next(iter(totals.bytes_by_dtype), '')}"
    yield Line("Weights", units.size(totals.weight_bytes) + (split if parts else ""))


def _trainable(report: Report) -> str:
    totals = report.totals
    if not totals.params:
        return ""
    if not totals.non_trainable_params:
        return ", all trainable"
    if not totals.trainable_params:
        return ", all frozen"
    return f": {_counted(totals.trainable_params)} trainable, {_counted(totals.non_trainable_params)} frozen"


def _counted(value: int) -> str:
    short = units.count(value)
    return units.exact(value) if short == str(value) else f"{units.exact(value)} ({short})"


def _macs(report: Report, glyphs: Glyphs) -> Iterator[Line]:
    totals = report.totals
    if report.model.format == "weights":
        return
    if totals.macs is None or totals.flops is None or totals.macs_status == "unknown":
        yield Line("MACs", f"? {_MACS}")
        return
    bound = f"{glyphs.at_least} " if totals.macs_status == "lower_bound" else ""
    yield Line("MACs", f"{bound}{_counted(totals.macs)}, FLOPs {bound}{_counted(totals.flops)}")
    yield Line("", _MACS, "dim")


def _memory(report: Report) -> Iterator[Line]:
    memory = report.totals.memory
    if report.model.format == "weights":
        return
    parts = [f"input {units.size(memory.input_bytes)}", f"weights {units.size(memory.weight_bytes)}"]
    if memory.inference_peak_bytes is not None:
        parts.append(f"inference peak {units.size(memory.inference_peak_bytes)}")
    yield Line("Memory", ", ".join(parts))
    if memory.training:
        step = memory.training
        yield Line(
            "",
            f"training step with {step.optimizer}: peak {units.size(step.peak_bytes)} "
            f"(gradients {units.size(step.gradient_bytes)}, optimizer state {units.size(step.optimizer_bytes)}, "
            f"saved for backward {units.size(step.saved_bytes)})",
        )
    if memory.measured:
        measured = memory.measured
        yield Line(
            "",
            f"measured on {report.run.device}: {units.size(measured.allocated_bytes)} allocated, "
            f"{units.size(measured.reserved_bytes)} reserved",
        )


def _field(report: Report) -> Iterator[Line]:
    fields = [layer.receptive_field for layer in report.layers if layer.receptive_field]
    if not fields:
        return
    several = len(report.inputs) > 1
    pixels = f"in pixels of {fields[0].input}" if several else "in input pixels"
    first = field.first_covering(report)
    sees = f"{_called(first)} is the first to see the whole input" if first else "no layer sees the whole input"
    yield Line("RF", f"receptive field {pixels}; {sees}")
    halo = field.halo_text(report)
    yield Line("Tile halo", "?" if halo is None else halo)


def _called(layer: Layer) -> str:
    return f"{layer.path or 'the model'} ({layer.type}{'()' if layer.kind == 'function' else ''})"


def _legend(report: Report, layout: Layout, glyphs: Glyphs) -> Iterator[Line]:
    texts = {filled.column.name: filled.texts for filled in layout.columns}
    params, rf = texts.get("params", ()), texts.get("rf", ())
    if any(text.startswith("all") for text in rf):
        yield Line("all", _all(report))
    if any("by phase" in text or "-" in text for text in rf):
        yield Line("a-b", "RF: smallest and largest, where units differ by phase after upsampling")
    if any("~" in text for text in rf):
        yield Line("~", "RF: at the centre unit, clipped to the input, where no one size holds")
    if "data" in rf:
        yield Line("data", "RF: depends on the data")
    if any(text.startswith(glyphs.at_most) for text in rf):
        yield Line(glyphs.at_most, "RF: at most")
    if any(text.endswith("*") for text in params):
        yield Line("*", "frozen: takes no gradient")
    if any(text.endswith("%") for text in params):
        yield Line("%", "partly frozen")
    if any(text.startswith("(") for text in params):
        yield Line("(n)", "parameters counted where they first ran")
    if any(text.startswith(glyphs.at_least) for text in texts.get("macs", ())):
        yield Line(glyphs.at_least, "at least: an operator below is not counted")
    if any(text == "?" for column in texts.values() for text in column):
        yield Line("?", "not known")


def _all(report: Report) -> str:
    found = field.causes(report.layers)
    more = f" and {len(found) - _CAUSES} more" if len(found) > _CAUSES else ""
    via = f", through {', '.join(found[:_CAUSES])}{more}" if found else ""
    local = any(layer.receptive_field and layer.receptive_field.local for layer in report.layers)
    return f"RF: the whole input{via}" + ("; in brackets: with that set aside" if local else "")


def _warnings(report: Report) -> Iterator[Line]:
    for note in report.warnings:
        place = f"{note.path}: " if note.path and note.path not in note.message else ""
        yield Line("Warning", place + note.message, "yellow")
    for one in report.uncounted:
        times = f", {one.count} times" if one.count > 1 else ""
        yield Line("Warning", f"MACs not counted: {one.op} in {one.path or 'the model'}{times}", "yellow")


def cleaned(line: Line, *, ascii_only: bool) -> Line:
    """Return ``line`` with nothing in it that a terminal would act on."""
    return Line(line.label, clean(line.text, ascii_only=ascii_only), line.style)
