"""What the HTML page is drawn from: the report's rows with their cells as text, and the sections of pictures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from convinspect.records import Interval, Peak, ReceptiveField, Timeline, Units
from convinspect.render import caveats
from convinspect.render.cells import CellContext, size_text
from convinspect.render.columns import COLUMNS, Column, with_values
from convinspect.render.heading import heading
from convinspect.render.labels import geometry
from convinspect.render.outline import Outline
from convinspect.render.rows import row_of
from convinspect.render.text import UNICODE
from convinspect.report import Report
from convinspect.units import exact, setting, shape

_ENDLESS = 10_000


def page_data(report: Report) -> dict[str, Any]:
    """Return what the page's script reads; see ``web/src/data.ts`` for the keys."""
    outline = Outline(report)
    groups = list(_groups(outline))
    entries = [row_of(outline, [index], 0) for index in range(len(outline.nodes))]
    entries += [row_of(outline, group, 0, len(group)) for group in groups]
    context = CellContext.of(report, UNICODE)
    columns, _ = with_values(list(COLUMNS.values()), report)
    fields, field_of = _distinct(layer.receptive_field for layer in report.layers)
    return {
        "name": report.model.name,
        "heading": heading(report, UNICODE, _ENDLESS),
        "made": f"convinspect {report.tool.version}, torch {report.tool.torch}, Python {report.tool.python}",
        "facts": list(_facts(report)),
        "notes": list(caveats.warnings(report, told=False)),
        "inputs": [{"name": one.name, "shape": one.shape, "dtype": one.dtype} for one in report.inputs],
        "columns": [
            {
                "name": column.name,
                "heading": _title(column),
                "means": column.means,
                "left": column.left,
                "bar": column.sorts is not None and column.topic != "field",
                "shown": column.default,
                "texts": column.cells(entries, context),
                "values": list(map(column.sorts, entries)) if column.sorts is not None else None,
            }
            for column in columns
        ],
        "rows": [_row(outline, index, report.run.dtype) for index in range(len(outline.nodes))],
        "groups": [
            {"rows": group, "name": row.name} for group, row in zip(groups, entries[len(outline.nodes) :], strict=True)
        ],
        "fields": [msgspec.to_builtins(field) for field in fields],
        "field_of": field_of,
        **pictures(report),
    }


def _title(column: Column) -> str:
    # Without its neighbour a column of shares must say of what.
    return column.heading if column.heading != "%" else f"{COLUMNS[column.name.removesuffix('_share')].heading} %"


def _facts(report: Report) -> Iterator[tuple[str, str, str]]:
    """Yield the numbers that people come for: what, how much, and more about it."""
    totals, memory = report.totals, report.totals.memory
    frozen = f", {exact(totals.trainable_params)} trainable" if totals.non_trainable_params else ""
    yield "Parameters", exact(totals.params), f"{size_text(totals.weight_bytes)} of weights{frozen}"
    # At least nothing is nothing known.
    if totals.macs is not None and (totals.macs or totals.macs_status == "exact"):
        bound = "" if totals.macs_status == "exact" else "at least "
        yield "MACs", f"{bound}{exact(totals.macs)}", "multiply-adds of one forward"
    if memory.inference_peak_bytes is not None:
        yield "Peak, inference", size_text(memory.inference_peak_bytes), _where(memory.inference_peak)
    if memory.training is not None:
        amp = f", autocast {memory.training.amp}" if memory.training.amp else ""
        name = f"Peak, training with {memory.training.optimizer}{amp}"
        yield name, size_text(memory.training.peak_bytes), _where(memory.training.peak)


def _where(peak: Peak | None) -> str:
    if peak is None:
        return ""
    return f"in the {peak.phase}, at {peak.path or 'the model'}" if peak.phase != "step" else "in the optimizer's step"


def _row(outline: Outline, index: int, dtype: str) -> dict[str, Any]:
    node = outline.nodes[index]
    layer = node.layer
    sums = node.sums
    return {
        "path": layer.path,
        "name": outline.names[index] or (outline.report.model.name if not node.level else ""),
        "type": layer.type,
        "geometry": geometry(layer, dtype),
        "remark": outline.remarks[index].strip(),
        "kind": layer.kind,
        "call": layer.call,
        "level": node.level,
        "shown": outline.shown[index],
        "inputs": [_tensor(one.shape, one.dtype, dtype) for one in layer.inputs],
        "outputs": [_tensor(one.shape, one.dtype, dtype) for one in layer.outputs],
        "attributes": {key: setting(value) for key, value in layer.attributes.items()},
        "params": sums.params,
        "macs": sums.macs,
        "allocated": sums.memory.allocated_bytes,
        "saved": sums.memory.saved_bytes,
        "own": [layer.params, layer.macs, layer.memory.allocated_bytes, layer.memory.saved_bytes],
    }


def _tensor(dims: Sequence[int], dtype: str, usual: str) -> str:
    return shape(dims) if dtype == usual else f"{shape(dims)} {dtype}"


def _groups(outline: Outline) -> Iterator[list[int]]:
    """Yield equal siblings that follow each other, two or more."""
    tops = [index for index, node in enumerate(outline.nodes) if node.parent is None]
    for siblings in (tops, *map(outline.below, range(len(outline.nodes)))):
        yield from (group for group in outline.series(siblings) if len(group) > 1)


def _distinct(fields: Iterable[ReceptiveField | None]) -> tuple[list[ReceptiveField], list[int | None]]:
    places: dict[ReceptiveField, int] = {}
    of = [None if field is None else places.setdefault(field, len(places)) for field in fields]
    return list(places), of


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
