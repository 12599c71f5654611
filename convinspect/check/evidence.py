"""What stands behind a number: the rows that weigh most in it, and those that differ most from a baseline."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from convinspect.check import wording
from convinspect.check.metrics import Metric
from convinspect.check.parts import Part, row_name
from convinspect.check.verdicts import Row
from convinspect.records import Peak
from convinspect.report import Layer

_MOST = 3

_OF_ROW: Mapping[str, Callable[[Layer], int]] = {
    "params": lambda row: row.params,
    "trainable-params": lambda row: row.trainable_params,
    "buffers": lambda row: row.buffers,
    "weights": lambda row: row.param_bytes + row.buffer_bytes,
    "macs": lambda row: row.macs or 0,
    "flops": lambda row: 2 * (row.macs or 0),
}


def heaviest(metric: Metric, part: Part) -> tuple[Row, ...]:
    """Return the rows that weigh most in ``metric``, with their share of it; of a field none."""
    found = _amounts(metric, part)
    total = sum(found.values())
    return tuple(
        Row(name, f"{wording.amount(metric, value)} ({wording.share(value, total)})")
        for name, value in _largest(found)
        if value > 0
    )


def changed(metric: Metric, part: Part, before: Part) -> tuple[Row, ...]:
    """Return the rows whose amount of ``metric`` differs most from ``before``, with their difference."""
    now, then = _amounts(metric, part), _amounts(metric, before)
    deltas = Counter({name: now[name] - then[name] for name in {**now, **then}})
    return tuple(Row(_told(name, now, then), _signed(metric, delta)) for name, delta in _largest(deltas) if delta)


def _largest(amounts: Mapping[str, int]) -> Iterable[tuple[str, int]]:
    return sorted(amounts.items(), key=lambda item: -abs(item[1]))[:_MOST]


def _told(name: str, now: Mapping[str, int], then: Mapping[str, int]) -> str:
    if name not in then:
        return f"{name}, new"
    return name if name in now else f"{name}, gone"


def _signed(metric: Metric, delta: int) -> str:
    return f"{'+' if delta > 0 else '-'}{wording.amount(metric, abs(delta))}"


def _amounts(metric: Metric, part: Part) -> Counter[str]:
    """Return how much each row, by its name, has in ``metric``; rows of one name are added up."""
    memory = part.report.totals.memory
    if metric.name == "inference-peak":
        return _alive(memory.inference_peak)
    if metric.name == "training-peak":
        return _alive(memory.training.peak if memory.training else None)
    found: Counter[str] = Counter()
    of_row = _OF_ROW.get(metric.name)
    for row in part.rows if of_row else ():
        found[row_name(row)] += of_row(row) if of_row else 0
    return found


def _alive(peak: Peak | None) -> Counter[str]:
    found: Counter[str] = Counter()
    for one in peak.alive if peak else ():
        found[f"{one.kind} of {one.path}" if one.path else one.kind] += one.bytes
    return found
