"""What a report says of each number, of the whole model and of a part of it; of receptive fields as one number."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from convinspect.check.metrics import EVERYTHING, Metric, Reading
from convinspect.check.parts import Part
from convinspect.records import ReceptiveField
from convinspect.report import Layer


def read(metric: Metric, part: Part, *, least: bool = False) -> Reading:
    """Return what the report says of ``metric``; of a field, which is a range, with ``least`` the smaller end.

    A minimum is held against the smaller end.
    """
    if metric.name == "receptive-field":
        return _of_outputs(part, least=least)
    if metric.name == "local-receptive-field":
        return _local(part, least=least)
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


# An axis each: field sizes in input positions.
_Sizes = tuple[int, ...]


def _of_outputs(part: Part, *, least: bool) -> Reading:
    """Return the largest field over the axes, channels and outputs of the part's modules; with ``least`` the smallest.

    A global field is larger than any input. An output without spatial axes sees what its centre unit sees.
    """
    rows = (row for row in part.rows if row.path in part.paths and row.kind == "module" and row.call)
    readings = [_of_output(row, least=least) for row in rows]
    unknown = Reading.unknown(part.why_no_forward)
    if least:
        return min(readings, key=lambda read: read.low, default=unknown)
    return max(readings, key=lambda read: read.high, default=unknown)


def _of_output(row: Layer, *, least: bool) -> Reading:
    field = row.receptive_field
    if field is None:
        return Reading.unknown(f"{row.path or 'the output'} does not depend on the input that is followed")
    if field.status == "global":
        via = field.global_via
        return Reading.exactly(EVERYTHING, f"global through {via.path or 'the model'} ({via.op})" if via else None)
    if field.status in ("unknown", "data_dependent"):
        return Reading.unknown(f"the field is {field.status.replace('_', ' ')}")
    sizes = _nominal_or_seen(field, least=least)
    if sizes is None:
        return Reading.unknown("branches of different strides meet in it")
    value = min(sizes) if least else max(sizes)
    return Reading(0, value, "an upper bound") if field.status == "upper_bound" else Reading.exactly(value)


def _nominal_or_seen(field: ReceptiveField, *, least: bool) -> _Sizes | None:
    nominal = field.size_min if least else field.size
    if nominal is not None or not field.aligned:
        return _all_known(nominal)
    return tuple(0 if box is None else box[1] - box[0] + 1 for box in field.center or ()) or None


def _local(part: Part, *, least: bool) -> Reading:
    """Return the largest nominal field that any row has, global operators set aside.

    Along any axis, or with ``least`` along the axis where that is least.
    """
    fields = [row.receptive_field for row in part.rows if row.receptive_field is not None]
    sure = [field for field in fields if field.status in ("exact", "global")]
    bounded = [field for field in fields if field.status == "upper_bound"]
    pick = min if least else max
    low, high = pick(_per_axis(sure), default=0), pick(_per_axis([*sure, *bounded]), default=0)
    if len(sure) + len(bounded) < len(fields):
        return Reading.at_least(low, "the fields of some rows are not known")
    return Reading(low, high, "an upper bound" if bounded else None) if high else Reading.unknown("no row has a size")


def _per_axis(fields: Iterable[ReceptiveField]) -> _Sizes:
    """Return the largest local size along each axis; empty where no row has one."""
    known = [size for field in fields if (size := _all_known(_local_size(field))) is not None]
    return tuple(map(max, zip(*known, strict=True)))


def _local_size(field: ReceptiveField) -> tuple[int | None, ...] | None:
    if field.status != "global":
        return field.size
    return field.local.size if field.local is not None else None


def _all_known(sizes: tuple[int | None, ...] | None) -> _Sizes | None:
    known = tuple(size for size in sizes or () if size is not None)
    return known if sizes and len(known) == len(sizes) else None


_READERS: Mapping[str, Callable[[Part], Reading]] = {
    "trainable-params": _trainable_params,
    "buffers": lambda part: Reading.exactly(sum(row.buffers for row in part.rows)),
    "macs": _macs,
    "flops": _flops,
    "inference-peak": _inference_peak,
    "training-peak": _training_peak,
}
