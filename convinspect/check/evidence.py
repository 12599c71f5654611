"""What stands behind a number: the rows that weigh most in it, and those that differ most from a baseline."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from convinspect.check import wording
from convinspect.check.metrics import Metric
from convinspect.check.parts import Part, row_name
from convinspect.check.results import Row
from convinspect.diff.compare import compare
from convinspect.diff.difference import Row as Changed
from convinspect.records import Alive, Peak
from convinspect.report import Layer

_MOST = 3


def heaviest(metric: Metric, part: Part) -> tuple[Row, ...]:
    """Return the rows that weigh most in ``metric``, with their share of it; of a field none."""
    found = _alive(metric, part) or _of_rows(metric, part)
    total = sum(found.values())
    largest = sorted(found.items(), key=lambda item: -item[1])[:_MOST]
    return tuple(
        Row(name, f"{wording.amount(metric, value)} ({wording.share(value, total)})")
        for name, value in largest
        if value
    )


def changed(metric: Metric, part: Part, before: Part) -> tuple[Row, ...]:
    """Return the rows whose amount of ``metric`` differs most from ``before``, with their difference."""
    deltas = _alive(metric, part)
    if deltas:
        deltas.subtract(_alive(metric, before))
    elif metric.of_row is not None:
        deltas = _of_changed_rows(metric.of_row, part, before)
    largest = sorted(deltas.items(), key=lambda item: -abs(item[1]))[:_MOST]
    return tuple(
        Row(name, f"{'+' if delta > 0 else '-'}{wording.amount(metric, abs(delta))}")
        for name, delta in largest
        if delta
    )


def _of_rows(metric: Metric, part: Part) -> Counter[str]:
    """Return what each row, by its name, has of ``metric``; rows of one name are added up."""
    found: Counter[str] = Counter()
    if metric.of_row is not None:
        for row in part.rows:
            found[row_name(row)] += metric.of_row(row)
    return found


def _of_changed_rows(of_row: Callable[[Layer], int], part: Part, before: Part) -> Counter[str]:
    found: Counter[str] = Counter()
    for row in compare(before.report, part.report).rows:
        now = of_row(row.after) if row.after is not None and part.holds(row.after.path) else 0
        then = of_row(row.before) if row.before is not None and before.holds(row.before.path) else 0
        found[_called(row)] += now - then
    return found


def _called(row: Changed) -> str:
    if row.before is None:
        return f"new {row_name(row.layer)}"
    if row.after is None:
        return f"gone {row_name(row.layer)}"
    named = row.before.path != row.after.path or row.before.type != row.after.type
    return f"{row_name(row.before)} -> {row_name(row.after)}" if named else row_name(row.after)


def _alive(metric: Metric, part: Part) -> Counter[str]:
    """Return what is alive at the peak that ``metric`` speaks of, by the row that made it; else nothing."""
    memory = part.report.totals.memory
    peak: Peak | None = None
    if metric.name == "inference-peak":
        peak = memory.inference_peak
    elif metric.name == "training-peak" and memory.training is not None:
        peak = memory.training.peak
    found: Counter[str] = Counter()
    for one in peak.alive if peak else ():
        found[_maker(one)] += one.bytes
    return found


def _maker(one: Alive) -> str:
    """Return what is alive and which row made it; the operator where that is the model itself."""
    if not one.path and one.op is None:
        return one.kind
    return f"{one.kind} of {one.path or f'{one.op}'.removeprefix('aten.').partition('.')[0]}"
