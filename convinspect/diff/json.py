"""A diff as a JSON document, for programs: everything that differs, in whole numbers."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from convinspect.diff.difference import Costs, Diff, Row, counts_of
from convinspect.diff.nodes import attributes_of
from convinspect.json_text import json_text
from convinspect.render.options import Options
from convinspect.report import Layer, Report

SCHEMA = "convinspect.diff/1"


def write(diff: Diff, options: Options) -> str:
    """Return the indented JSON text of ``diff``; width and depth have no say in it."""
    return json_text(document(diff), indent=2, ascii_only=options.ascii)


def document(diff: Diff) -> dict[str, Any]:
    """Return the document as dicts, lists, ints, strings and ``None``."""
    return {
        "schema": SCHEMA,
        "differs": diff.differs,
        "before": _side(diff.before, diff.labels[0]),
        "after": _side(diff.after, diff.labels[1]),
        "totals": _costs(diff.totals),
        "counts": counts_of(diff),
        "changes": [_change(row) for row in diff.rows if row.status != "unchanged"],
    }


def _side(report: Report, label: str) -> dict[str, Any]:
    return {
        "label": label,
        "tool": asdict(report.tool),
        "model": asdict(report.model),
        "run": asdict(report.run),
        "inputs": [asdict(tensor) for tensor in report.inputs],
        "outputs": [asdict(tensor) for tensor in report.outputs],
    }


def _change(row: Row) -> dict[str, Any]:
    return {
        "status": row.status,
        "kind": row.layer.kind,
        "depth": row.depth,
        "rows_below": row.below,
        "itself": row.itself,
        "differs": list(row.facets),
        **_layer(row.before, "before"),
        **_layer(row.after, "after"),
        "own": _costs(row.own),
        "total": _costs(row.total),
    }


def _layer(layer: Layer | None, side: str) -> dict[str, Any]:
    names = ("path", "call", "type", "attributes", "outputs", "receptive_field")
    if layer is None:
        return dict.fromkeys((f"{name}_{side}" for name in names), None)
    field = layer.receptive_field
    values = (
        layer.path,
        layer.call,
        layer.type,
        dict(attributes_of(layer)),
        [asdict(tensor) for tensor in layer.outputs],
        asdict(field) if field is not None else None,
    )
    return {f"{name}_{side}": value for name, value in zip(names, values, strict=True)}


def _costs(costs: Costs) -> dict[str, Any]:
    return {
        name: {
            "before": value.before.value,
            "after": value.after.value,
            "change": value.value,
            "status": value.bound,
        }
        for name, value in costs.items()
    }
