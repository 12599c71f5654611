"""The columns of the table: everything about each stands in its one entry."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, Literal, TypeAlias

from convinspect import units
from convinspect.errors import UsageError
from convinspect.render import cells, field

if TYPE_CHECKING:
    from convinspect.report import Layer, Report

Topic: TypeAlias = Literal["tensors", "weights", "macs", "field", "memory"]


class Sign(Enum):
    """A sign that is explained where it occurs, in the order of the legend.

    ``shown`` is how the legend writes it, ``pattern`` finds it in a cell.
    """

    MORE = "+n", r" \+\d+$", "n more inputs, outputs or dtypes of the same layer"
    ALL = "all", "all", "RF: the whole input"
    EXTENTS = "axb", "x", "RF: one extent for each spatial axis of the input, where they differ"
    SPAN = "a-b", "-", "RF: least and most, where units differ: by channel, or by phase after resampling"
    LOCAL = "(a)", r"^\(", "Jump, Start: with what makes the RF global set aside"
    CENTRE = "~n", "~", "RF: of the centre unit, clipped to the input: no one size holds"
    DATA = "data", "^data$", "RF: it depends on the data"
    AT_MOST = "{glyphs.at_most}", "^(≤|<=)", "RF: at most"
    FROZEN = "*", r"\*$", "frozen, all or some of them: these take no gradient"
    COUNTED = "(n)", r"^\(", "parameters that are counted at the first call"
    AT_LEAST = "{glyphs.at_least}", "^(≥|>=)", "at least: see the notes"
    UNKNOWN = "?", r"^\?$", "not known"

    def __init__(self, shown: str, pattern: str, meaning: str) -> None:
        self.shown = shown
        self.pattern = pattern
        self.meaning = meaning


def _always(_: Report) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: ``name`` for ``--columns``, its heading, and how its cells are written.

    ``topic``: all but ``weights`` need a forward; the totals of a topic are shown with its columns. ``silent`` returns
    why the column has nothing to say of a report, or nothing. Where the table is too wide, columns are written shorter,
    then left out, in ``shorten`` and ``drop`` order (from 1; 0: never). The legend explains the column with ``meaning``
    and those of its ``signs`` that occur.
    """

    name: str
    heading: str
    topic: Topic
    cells: cells.Cells
    left: bool = False
    default: bool = False
    shorten: int = 0
    drop: int = 0
    silent: Callable[[Report], str] = _always
    meaning: str = ""
    signs: tuple[Sign, ...] = ()


def chosen(names: Sequence[str]) -> list[Column]:
    """Return the columns of ``names``, each once; raises `UsageError` for a name that does not exist."""
    wanted: list[str] = []
    for name in names or ("default",):
        if name != "default" and name not in COLUMNS:
            message = f"no column {name}"
            raise UsageError(message, f"choose from: default, {', '.join(COLUMNS)}")
        wanted += [column.name for column in COLUMNS.values() if column.default] if name == "default" else [name]
    return [COLUMNS[name] for name in dict.fromkeys(wanted)]


def with_values(columns: Sequence[Column], report: Report) -> tuple[list[Column], list[str]]:
    """Return the columns that have something to say of ``report``, and why each other one has not."""
    if report.model.format == "weights":
        return [column for column in columns if column.topic == "weights"], []
    silent = {column.name: column.silent(report) for column in columns}
    kept = [column for column in columns if not silent[column.name]]
    return kept, list(dict.fromkeys(why for why in silent.values() if why))


def _no_field(report: Report) -> str:
    if any(layer.receptive_field and layer.receptive_field.status != "unknown" for layer in report.layers):
        return ""
    flat = all(len(tensor.shape) <= 2 for tensor in report.inputs)  # noqa: PLR2004 - batch and features
    return f"RF ({'no input has spatial axes' if flat else 'not known for any layer'})"


def _no_bytes(heading: str, get: Callable[[Layer], int | None]) -> Callable[[Report], str]:
    # A layer that runs no operator allocates nothing for certain: that alone is no column.
    return lambda report: "" if any(map(get, report.layers)) else f"{heading} (not known for any layer)"


_tensors = partial(Column, topic="tensors", left=True, signs=(Sign.MORE,))
_field = partial(Column, topic="field", silent=_no_field)

COLUMNS = {
    column.name: column
    for column in (
        _tensors(
            "input",
            "Input",
            cells=cells.several(lambda row: [cells.shape(given.shape) for given in row.layer.inputs]),
            shorten=3,
        ),
        _tensors("output", "Output", cells=cells.several(cells.outputs), default=True, shorten=2),
        _tensors(
            "dtype", "Dtype", cells=cells.several(lambda row: list(dict.fromkeys(t.dtype for t in row.layer.outputs)))
        ),
        Column("params", "Params", "weights", cells.params, default=True, shorten=5, signs=(Sign.FROZEN, Sign.COUNTED)),
        Column("trainable", "Trainable", "weights", cells.number(lambda row: row.sums.trainable_params, units.exact)),
        Column("param_bytes", "Param bytes", "weights", cells.number(lambda row: row.sums.param_bytes, units.size)),
        Column("buffers", "Buffers", "weights", cells.number(lambda row: row.sums.buffers, units.exact)),
        Column("macs", "MACs", "macs", cells.macs, default=True, shorten=4, signs=(Sign.AT_LEAST,)),
        _field(
            "rf",
            "RF",
            cells=cells.receptive_field(
                lambda rf, context: field.size_text(rf, context.glyphs, compact=context.compact)
            ),
            default=True,
            shorten=1,
            drop=2,
            signs=(Sign.ALL, Sign.EXTENTS, Sign.SPAN, Sign.CENTRE, Sign.DATA, Sign.AT_MOST),
        ),
        _field("jump", "Jump", cells=cells.receptive_field(lambda rf, _: field.jump_text(rf)), signs=(Sign.LOCAL,)),
        _field("start", "Start", cells=cells.receptive_field(lambda rf, _: field.start_text(rf)), signs=(Sign.LOCAL,)),
        _field("center", "Center", cells=cells.receptive_field(lambda rf, _: field.center_text(rf))),
        _field("coverage", "Coverage", cells=cells.receptive_field(lambda rf, _: field.coverage_text(rf))),
        Column(
            "allocated",
            "Allocated",
            "memory",
            cells.allocation(lambda row: row.sums.memory.allocated_bytes),
            default=True,
            drop=1,
            silent=_no_bytes("Allocated", lambda layer: layer.memory.allocated_bytes),
            meaning="bytes that a layer newly takes; none for views and in-place operators",
        ),
        Column(
            "saved",
            "Saved",
            "memory",
            cells.allocation(lambda row: row.sums.memory.saved_bytes),
            silent=_no_bytes("Saved", lambda layer: layer.memory.saved_bytes),
        ),
    )
}
