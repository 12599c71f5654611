"""Whether two reports can be held against each other: what of their runs differs, and which numbers that moves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from convinspect.check.metrics import Condition
from convinspect.report import Report, Tensor

# Without values to compute, a forward on meta allocates what it allocates on the cpu.
_ALIKE = frozenset({"cpu", "meta"})


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that differs; numbers that depend on ``condition`` cannot be compared (``None``: all can)."""

    condition: Condition | None
    text: str


def differences(report: Report, baseline: Report) -> tuple[Difference, ...]:
    """Return what differs between the runs of ``report`` and ``baseline``."""
    return tuple(_differences(report, baseline))


def _differences(report: Report, baseline: Report) -> Iterator[Difference]:
    here, there = (tuple(map(_input, one.inputs)) for one in (report, baseline))
    if here != there and report.inputs and baseline.inputs:
        yield Difference("inputs", f"inputs {', '.join(here)}, in the baseline {', '.join(there)}")
    if report.run.dtype != baseline.run.dtype:
        yield Difference("dtype", f"dtype {report.run.dtype}, in the baseline {baseline.run.dtype}")
    if report.model.mode != baseline.model.mode:
        yield Difference("mode", f"mode {report.model.mode}, in the baseline {baseline.model.mode}")
    if report.run.device != baseline.run.device:
        alike = {report.run.device, baseline.run.device} <= _ALIKE
        text = f"device {report.run.device}, in the baseline {baseline.run.device}"
        yield Difference(None if alike else "device", text)
    if _step(report) and _step(baseline) and _step(report) != _step(baseline):
        yield Difference("optimizer", f"optimizer {_step(report)}, in the baseline {_step(baseline)}")
    if report.model.name != baseline.model.name:
        yield Difference(None, f"model {report.model.name}, in the baseline {baseline.model.name}")
    for what in ("version", "torch"):
        ours, theirs = getattr(report.tool, what), getattr(baseline.tool, what)
        if ours != theirs:
            program = "convinspect" if what == "version" else "torch"
            yield Difference(None, f"{program} {ours}, in the baseline {theirs}")


def _input(tensor: Tensor) -> str:
    return f"{'x'.join(map(str, tensor.shape)) or 'scalar'} {tensor.dtype}"


def _step(report: Report) -> str:
    training = report.totals.memory.training
    return "" if training is None else training.optimizer + (f" with amp {training.amp}" if training.amp else "")
