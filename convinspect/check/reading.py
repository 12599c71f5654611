"""Where a report says each number: for the whole model, and for a part of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from convinspect.check import fields
from convinspect.check.metrics import Metric, Reading
from convinspect.check.parts import Part


def read(metric: Metric, part: Part, *, least: bool = False) -> Reading:
    """Return what the report says of ``metric``; of a field, which is a range, with ``least`` the smaller end.

    A minimum is held against the smaller end.
    """
    if metric.name in _FIELDS:
        return _FIELDS[metric.name](part, least=least)
    if metric.name in _READERS or metric.of_row is None:
        return _READERS[metric.name](part)
    return _counted(part, sum(map(metric.of_row, part.rows)))


def _trainable_params(part: Part) -> Reading:
    """Return the parameters that require a gradient; a file of weights does not tell which do."""
    for note in part.report.warnings:
        if note.code == "assumed_trainable":
            return Reading(0, sum(row.params for row in part.rows), note.message)
    return _counted(part, sum(row.trainable_params for row in part.rows))


def _macs(part: Part) -> Reading:
    """Return the multiply-accumulates: at least those known, where an operator is not counted."""
    known = [row.macs for row in part.rows if row.macs is not None]
    if not known:
        return Reading.unknown(part.why_no_forward)
    if all(row.macs_status == "exact" for row in part.rows):
        return Reading.exactly(sum(known))
    names = sorted({used.op for used in part.report.uncounted if part.holds(used.path)})
    return Reading.at_least(sum(known), f"not counted: {', '.join(names)}" if names else "not everything is counted")


def _flops(part: Part) -> Reading:
    """Return twice the MACs, and eight times the complex ones."""
    read = _macs(part)
    more = 6 * sum(row.complex_macs for row in part.rows)
    return Reading(2 * read.low + more, 2 * read.high + more, read.why)


def _inference_peak(part: Part) -> Reading:
    """Return the most bytes that are alive at once in a forward."""
    peak = part.report.totals.memory.inference_peak_bytes
    return Reading.unknown(part.why_no_forward) if peak is None else _counted(part, peak)


def _training_peak(part: Part) -> Reading:
    """Return the most bytes that are alive at once in a training step."""
    training = part.report.totals.memory.training
    return Reading.unknown(_why_no_training(part)) if training is None else _counted(part, training.peak_bytes)


def _counted(part: Part, value: int) -> Reading:
    """Return ``value`` as exact, or as a lower bound where modules run that the model does not know."""
    for note in part.report.warnings:
        if note.code == "unregistered" and (note.path is None or part.holds(note.path)):
            return Reading.at_least(value, note.message)
    return Reading.exactly(value)


def _why_no_training(part: Part) -> str:
    for note in part.report.warnings:
        if note.code in ("nothing_to_train", "training_unknown"):
            return note.message
    return part.why_no_forward if part.report.model.format == "weights" else "no training step was estimated"


_READERS: Mapping[str, Callable[[Part], Reading]] = {
    "trainable-params": _trainable_params,
    "buffers": lambda part: Reading.exactly(sum(row.buffers for row in part.rows)),
    "macs": _macs,
    "flops": _flops,
    "inference-peak": _inference_peak,
    "training-peak": _training_peak,
}
_FIELDS = {"receptive-field": fields.of_outputs, "local-receptive-field": fields.local}
