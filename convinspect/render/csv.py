"""A line of comma-separated values for each layer, for spreadsheets: plain numbers, and text that runs as nothing."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from operator import attrgetter
from typing import TypeAlias

from convinspect.records import ReceptiveField
from convinspect.render import field
from convinspect.render.json import reduced
from convinspect.render.labels import geometry
from convinspect.render.options import Options
from convinspect.report import Layer, Report
from convinspect.units import printable, shape

Value: TypeAlias = "str | int | None"
# A spreadsheet takes what begins with one of these for a formula, and runs it.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write(report: Report, options: Options) -> str:
    """Return a heading and one line a layer: its own parameters and MACs, and both with everything below it.

    What is not known is empty. Own numbers add up to the totals of the report.
    """
    part = reduced(report, options)
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(_COLUMNS)
    for layer in part.layers:
        lines.writerow(_safe(get(layer), options) for get in _COLUMNS.values())
    return text.getvalue().removesuffix("\n")


def records(report: Report) -> list[dict[str, Value]]:
    """Return one record a layer under the same names, its text as it is."""
    return [{name: get(layer) for name, get in _COLUMNS.items()} for layer in report.layers]


def _safe(value: Value, options: Options) -> Value:
    if not isinstance(value, str):
        return value
    plain = printable(value, ascii_only=options.ascii)
    return f"'{plain}" if plain.startswith(_FORMULA) and not re.fullmatch(r"-?[0-9]+", plain) else plain


def _field(text: Callable[[ReceptiveField], str]) -> Callable[[Layer], Value]:
    return lambda layer: text(layer.receptive_field) if layer.receptive_field else None


def _per_axis(name: str) -> Callable[[Layer], Value]:
    """Return how ``size`` or ``size_min`` of a layer's field is written; empty where no one size holds."""

    def get(layer: Layer) -> Value:
        sizes = getattr(layer.receptive_field, name, None)
        return None if not sizes or None in sizes else shape(sizes)

    return get


def _own(names: str) -> dict[str, Callable[[Layer], Value]]:
    return {name: attrgetter(name) for name in names.split()}


_COLUMNS: dict[str, Callable[[Layer], Value]] = {
    **_own("path call kind type depth"),
    "geometry": lambda layer: geometry(layer, layer.outputs[0].dtype if layer.outputs else ""),
    "inputs": lambda layer: " ".join(shape(given.shape) for given in layer.inputs),
    "outputs": lambda layer: " ".join(shape(given.shape) for given in layer.outputs),
    "dtype": lambda layer: layer.outputs[0].dtype if layer.outputs else None,
    **_own("params params_total trainable_params buffers param_bytes macs macs_total macs_status"),
    "allocated_bytes": lambda layer: layer.memory.allocated_bytes,
    "saved_bytes": lambda layer: layer.memory.saved_bytes,
    "receptive_field": _per_axis("size"),
    "receptive_field_min": _per_axis("size_min"),
    "receptive_field_status": _field(lambda rf: rf.status),
    "jump": _field(field.jump_text),
    "start": _field(field.start_text),
    **_own("runs"),
}
