"""The optional sections of a report: which rows read what others made, the timelines, what every unit sees."""

from __future__ import annotations

from collections.abc import Sequence

from convinspect.analyse.rows import Row
from convinspect.records import Timelines, Trace, Units
from convinspect.records.timeline import renamed
from convinspect.report import Edge, RowsUnits


def edges_of(rows: Sequence[Row]) -> tuple[Edge, ...]:
    """Return the edges ``(from, to)`` by the rows' places, each once, in the order in which rows read; see `Report`."""
    made_in: dict[int, int] = {}
    passed_on: dict[int, int | None] = {}
    found: dict[Edge, None] = {}
    for number, row in enumerate(rows):
        for op, call in zip(row.ops, row.places, strict=True):
            if row.leaf:
                made_in[call] = number
            else:  # what has no row of its own hands on what it was given
                passed_on[call] = op.sources[0] if op.sources else None
    for number, row in enumerate(rows):
        for op in row.ops if row.leaf else ():
            for source in op.sources:
                origin: int | None = source
                while origin is not None and origin in passed_on:
                    origin = passed_on[origin]
                if origin is not None:
                    found[origin if origin < 0 else made_in[origin], number] = None
    return tuple(edge for edge in found if edge[0] != edge[1])


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


def units_of(rows: Sequence[Row]) -> RowsUnits:
    """Return what every unit of each row sees, alike ones once."""
    places: dict[Units, int] = {}
    of = [row.call.units if row.call is not None else None for row in rows]
    layers = tuple(None if units is None else places.setdefault(units, len(places)) for units in of)
    return RowsUnits(layers, tuple(places))
