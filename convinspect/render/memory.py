"""What is said of memory below the rows: totals, where the peaks fall, and a bar of what is alive there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convinspect import units
from convinspect.ops import display_name
from convinspect.render.text import Line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from convinspect.records import Measured, Peak
    from convinspect.report import Report, TrainingMemory

# What each kind is called, and its colour in the bar, which repeats the name's first letter.
_KINDS = {
    "weights": ("weights", "blue"),
    "inputs": ("input", "cyan"),
    "activations": ("activations", "green"),
    "outputs": ("results", "bright_green"),
    "gradients": ("gradients", "magenta"),
    "optimizer": ("optimizer state", "yellow"),
    "saved": ("saved for backward", "red"),
    "temporaries": ("temporaries", "bright_black"),
}
_COLORS = {name[0]: color for name, color in _KINDS.values()}
_BAR = 40


def memory_lines(report: Report) -> Iterator[Line]:
    """Yield the memory of the run; what is not known is left out."""
    memory = report.totals.memory
    yield Line("Memory", f"input {units.size(memory.input_bytes)}, weights {units.size(memory.weight_bytes)}")
    if memory.inference_peak_bytes is not None:
        where = f", {_where(memory.inference_peak)}" if memory.inference_peak else ""
        yield Line("Inference", f"peak {units.size(memory.inference_peak_bytes)} of live tensors{where}")
    if memory.inference_peak:
        yield from _alive(memory.inference_peak)
    if memory.training:
        yield from _training(memory.training)
    if memory.training or memory.inference_peak_bytes is not None:
        yield Line("", "kernels' own workspaces are not included in the peaks", "dim")
    if memory.measured:
        yield from _measured(memory.measured, report.run.device)


def _training(step: TrainingMemory) -> Iterator[Line]:
    amp = f" under {step.amp} autocast" if step.amp else ""
    where = f", {_where(step.peak)}" if step.peak else ""
    peak = f"peak {units.size(step.peak_bytes)} of live tensors"
    yield Line("Training", f"{peak} in a training step with {step.optimizer}{amp}{where}")
    if step.peak:
        yield from _alive(step.peak)
    yield Line(
        "",
        f"the step as a whole: gradients {units.size(step.gradient_bytes)}, "
        f"optimizer state {units.size(step.optimizer_bytes)}, saved for backward {units.size(step.saved_bytes)}",
        "dim",
    )


def _alive(peak: Peak) -> Iterator[Line]:
    yield Line("", bar(peak.by_kind), letters=_COLORS)
    shares = ", ".join(f"{_name(kind)[0]} {_name(kind)} {units.size(size)}" for kind, size in peak.by_kind.items())
    yield Line("", f"alive there: {shares}", "dim")


def bar(by_kind: Mapping[str, int]) -> str:
    """Return letters in proportion to ``by_kind``, each kind's first letter; a small kind may have none."""
    total = sum(by_kind.values())
    letters, so_far = "", 0
    for kind, size in by_kind.items():
        so_far += size
        letters += _name(kind)[0] * (round(_BAR * so_far / total) - len(letters) if total else 0)
    return letters


def _name(kind: str) -> str:
    return _KINDS.get(kind, (kind, ""))[0]


def _where(peak: Peak) -> str:
    if peak.op is None:
        return "before the first operator"
    op = display_name(peak.op)
    if peak.phase == "step":
        return f"in the optimizer's step ({op})"
    if peak.phase == "backward":
        return f"in the backward pass of {peak.path or 'the model itself'} ({op})"
    return f"in {peak.path} ({op})" if peak.path else f"in {op}()"


def _measured(measured: Measured, device: str) -> Iterator[Line]:
    workspaces = f" beside workspaces of {units.size(measured.workspace_bytes)}" if measured.workspace_bytes else ""
    yield Line(
        "Measured",
        f"on {device}: {units.size(measured.allocated_bytes)} allocated, "
        f"{units.size(measured.reserved_bytes)} reserved; "
        f"estimate in blocks {units.size(measured.estimate_bytes)}{workspaces}, "
        f"difference {measured.difference_percent:+.1f} %",
    )
