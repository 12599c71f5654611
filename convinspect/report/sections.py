"""The optional sections of a report: what every unit sees; and whether they agree with the rows."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from convinspect.records import Count, Timelines, Units


@dataclass(frozen=True, slots=True)
class RowsUnits:
    """What every unit of each row's output sees: for each of ``layers`` a place in ``distinct``, or ``None``."""

    layers: tuple[Count | None, ...]
    distinct: tuple[Units, ...]


def faults_of_timeline(lines: Timelines | None, rows: int) -> Iterator[tuple[str, str]]:
    """Yield each place at which the timelines do not fit a report of so many ``rows``, and how."""
    if lines is None:
        return
    for name, line in (("inference", lines.inference), ("training", lines.training)):
        for i, moment in enumerate(line.moments if line is not None else ()):
            if moment.owner >= rows:
                yield f"timeline.{name}.moments[{i}].owner", f"expected one of {rows} rows, got {moment.owner}"
        for i, life in enumerate(line.allocations if line is not None else ()):
            place = f"timeline.{name}.allocations[{i}]"
            if life.owner >= rows:
                yield f"{place}.owner", f"expected one of {rows} rows, got {life.owner}"
            if life.died is not None and life.died <= life.born:
                yield f"{place}.died", f"expected a moment after {life.born}, got {life.died}"


def faults_of_units(units: RowsUnits | None, rows: int) -> Iterator[tuple[str, str]]:
    """Yield each place at which ``units`` do not fit so many ``rows``, or contradict themselves, and how."""
    if units is None:
        return
    if len(units.layers) != rows:
        yield "units.layers", f"expected a list of length {rows}, one entry a row, got {len(units.layers)}"
    for i, number in enumerate(units.layers):
        if number is not None and number >= len(units.distinct):
            yield f"units.layers[{i}]", f"expected one of {len(units.distinct)}, got {number}"
    for i, one in enumerate(units.distinct):
        yield from _faults(one, f"units.distinct[{i}]")


def _faults(units: Units, place: str) -> Iterator[tuple[str, str]]:
    if len(units.axes) != len(units.along):
        yield (
            f"{place}.along",
            f"expected a list of length {len(units.axes)}, one entry an axis, got {len(units.along)}",
        )
    if len(units.dims) != len(units.sizes):
        yield (
            f"{place}.sizes",
            f"expected a list of length {len(units.dims)}, one entry an axis, got {len(units.sizes)}",
        )
    for i, axis in enumerate(units.along):
        if any(number >= len(units.sizes) for number in axis.axes):
            yield f"{place}.along[{i}].axes", f"expected numbers below {len(units.sizes)}"
            continue
        wanted = math.prod(units.sizes[number] for number in axis.axes)
        for name in ("box", "local", "nominal"):
            spans = getattr(axis, name)
            if spans is not None and len(spans) != wanted:
                yield f"{place}.along[{i}].{name}", f"expected a list of length {wanted}, got {len(spans)}"
