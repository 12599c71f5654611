"""The optional sections of a report as the HTML page's script reads them: the same numbers in fewer characters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from convinspect.records import Interval, Timeline, Units
from convinspect.report import Report


def pictures(report: Report) -> dict[str, Any]:
    """Return the sections of ``report``, each ``None`` where it has none."""
    lines, units = report.timeline, report.units
    return {
        "graph": report.graph,
        "timeline": lines
        and {
            "inference": _timeline(lines.inference),
            "training": lines.training and _timeline(lines.training),
        },
        "units": units and {"layers": units.layers, "distinct": [_units(one) for one in units.distinct]},
    }


def _timeline(line: Timeline) -> dict[str, Any]:
    """Return ``line`` by columns, its operators numbered."""
    ops: dict[str, int] = {}
    return {
        "phases": [one.phase for one in line.moments],
        "owners": [one.owner for one in line.moments],
        "op_of": [ops.setdefault(one.op, len(ops)) for one in line.moments],
        "allocations": [
            [one.kind, one.bytes, one.owner, ops.setdefault(one.op or "", len(ops)), one.born, one.died]
            for one in line.allocations
        ],
        "ops": list(ops),
    }


def _units(units: Units) -> dict[str, Any]:
    """Return ``units`` with their intervals in runs, which are few where they go on evenly."""
    return {
        "input": units.input,
        "axes": units.axes,
        "sizes": units.sizes,
        "along": [
            {
                "axes": one.axes,
                "box": _runs(one.box),
                "local": None if one.local is None else _runs(one.local),
                "nominal": None if one.nominal is None else _runs(one.nominal),
            }
            for one in units.along
        ],
    }


def _runs(spans: Sequence[Interval | None]) -> list[list[int] | int]:
    """Return intervals in runs ``[lo, hi, step of lo, step of hi, count]``; a count alone for so many of nothing."""
    runs: list[list[int] | int] = []
    for span in spans:
        last = runs[-1] if runs else None
        if span is None:
            if isinstance(last, int):
                runs[-1] = last + 1
            else:
                runs.append(1)
            continue
        if isinstance(last, list):
            lo, hi, up_lo, up_hi, count = last
            if count == 1:
                runs[-1] = [lo, hi, span[0] - lo, span[1] - hi, 2]
                continue
            if span == (lo + up_lo * count, hi + up_hi * count):
                last[4] += 1
                continue
        runs.append([*span, 0, 0, 1])
    return runs
