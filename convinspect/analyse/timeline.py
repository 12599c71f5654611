"""The timelines of a run, their owners the rows of its report."""

from __future__ import annotations

from collections.abc import Sequence

from convinspect.analyse.rows import Row
from convinspect.records import Timelines, Trace
from convinspect.records.timeline import renamed


def timelines_of(trace: Trace, rows: Sequence[Row]) -> Timelines | None:
    """Return the timelines of ``trace``; what has no row of its own belongs to the row that it ran in."""
    if trace.timelines is None:
        return None
    row_of = {id(row.call): number for number, row in enumerate(rows) if row.call is not None}
    place = {index: number for number, row in enumerate(rows) for index in row.places}
    for index, call in enumerate(trace.calls):
        found = place.get(index, row_of.get(id(call), place.get(call.parent)))
        if found is not None:
            place[index] = found
    inference, training = trace.timelines.inference, trace.timelines.training
    return Timelines(renamed(inference, place), renamed(training, place) if training is not None else None)
