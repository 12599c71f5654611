"""The numbers that can be limited: what each is called, what it counts in, and where a report says it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from convinspect.check import fields
from convinspect.check.amounts import Unit
from convinspect.check.parts import Part
from convinspect.check.readings import Reading

# What of a run a number depends on, beside the model itself.
Condition: TypeAlias = Literal["inputs", "dtype", "mode", "device", "optimizer"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One number of a model or of a part of it (``whole_only``: a part has none).

    ``in_full``: people check it digit by digit. ``read`` returns it, ``read_least`` its smaller end where it is a
    range, which is what a minimum is held against.
    """

    name: str
    unit: Unit
    help: str
    read: Callable[[Part], Reading]
    depends_on: tuple[Condition, ...] = ()
    read_least: Callable[[Part], Reading] | None = None
    whole_only: bool = False
    in_full: bool = False


def params(part: Part) -> Reading:
    """Return the parameters that the rows own; a tied weight belongs to its first owner."""
    return _counted(part, sum(row.params for row in part.rows))


def trainable_params(part: Part) -> Reading:
    """Return the parameters that require a gradient; a file of weights does not tell which do."""
    for note in part.report.warnings:
        if note.code == "assumed_trainable":
            return Reading(0, sum(row.params for row in part.rows), note.message)
    return _counted(part, sum(row.trainable_params for row in part.rows))


def buffers(part: Part) -> Reading:
    """Return the elements of the buffers."""
    return Reading.exactly(sum(row.buffers for row in part.rows))


def weights(part: Part) -> Reading:
    """Return the bytes of parameters and buffers."""
    return _counted(part, sum(row.param_bytes + row.buffer_bytes for row in part.rows))


def macs(part: Part) -> Reading:
    """Return the multiply-accumulates: at least those known, where an operator is not counted."""
    known = [row.macs for row in part.rows if row.macs is not None]
    if not known:
        return Reading.unknown(part.why_no_forward)
    if all(row.macs_status == "exact" for row in part.rows):
        return Reading.exactly(sum(known))
    names = sorted({used.op for used in part.report.uncounted if part.holds(used.path)})
    return Reading.at_least(sum(known), f"not counted: {', '.join(names)}" if names else "not everything is counted")


def flops(part: Part) -> Reading:
    """Return twice the MACs."""
    read = macs(part)
    return Reading(2 * read.low, 2 * read.high, read.why)


def inference_peak(part: Part) -> Reading:
    """Return the most bytes that are alive at once in a forward."""
    peak = part.report.totals.memory.inference_peak_bytes
    return Reading.unknown(part.why_no_forward) if peak is None else _counted(part, peak)


def training_peak(part: Part) -> Reading:
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


_FORWARD: tuple[Condition, ...] = ("inputs", "dtype", "mode", "device")

METRICS = {
    metric.name: metric
    for metric in (
        Metric("params", "count", "parameters", params, in_full=True),
        Metric("trainable-params", "count", "parameters that are trained", trainable_params, in_full=True),
        Metric("buffers", "count", "elements of buffers", buffers, in_full=True),
        Metric("macs", "count", "multiply-accumulates", macs, ("inputs",)),
        Metric("flops", "count", "twice the MACs", flops, ("inputs",)),
        Metric("weights", "bytes", "bytes of parameters and buffers", weights, ("dtype",)),
        Metric(
            "inference-peak",
            "bytes",
            "bytes alive at the peak of a forward",
            inference_peak,
            _FORWARD,
            whole_only=True,
        ),
        Metric(
            "training-peak",
            "bytes",
            "bytes alive at the peak of a training step",
            training_peak,
            (*_FORWARD, "optimizer"),
            whole_only=True,
        ),
        Metric(
            "receptive-field",
            "positions",
            "input positions that an output depends on, along an axis",
            fields.largest_of_outputs,
            ("inputs", "mode"),
            fields.smallest_of_outputs,
        ),
        Metric(
            "local-receptive-field",
            "positions",
            "the largest field of a row, operators that see everything set aside",
            fields.largest_local,
            ("inputs", "mode"),
            fields.largest_local_along_the_smaller_axis,
        ),
    )
}
