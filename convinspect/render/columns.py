"""What stands in each column of the table: a layer's numbers as text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from convinspect import units
from convinspect.render import field
from convinspect.render.options import DEFAULT_COLUMNS, check_columns

if TYPE_CHECKING:
    from convinspect.render.glyphs import Glyphs
    from convinspect.render.rows import Row
    from convinspect.report import Shape

# From here on a column of counts is written in SI: a billion and more is no longer read digit by digit.
_EXACT_BELOW = 1_000_000_000

_MANY = 2


@dataclass(frozen=True, slots=True)
class CellContext:
    """What cells are written with.

    ``first_calls`` has the parameters of each path's first run; ``idle`` are modules that the report says
    never ran; ``ran`` is false for a file that holds weights alone. ``failed`` is where the forward
    stopped, path and call, and ``unreached`` are the modules after it.
    """

    glyphs: Glyphs
    first_calls: Mapping[str, int]
    idle: frozenset[str] = frozenset()
    failed: tuple[str, int] | None = None
    unreached: frozenset[str] = frozenset()
    ran: bool = True
    compact: bool = False


Write: TypeAlias = "Callable[[Sequence[Row], CellContext], list[str]]"


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its heading and how it writes all its cells; left-aligned or right-aligned."""

    name: str
    heading: str
    write: Write
    left: bool = False


def chosen(names: Sequence[str]) -> list[Column]:
    """Return the columns of ``names``, each once; raises `UsageError` for a name that does not exist."""
    check_columns(names)
    wanted: dict[str, None] = {}
    for name in names or ("default",):
        wanted.update(dict.fromkeys(DEFAULT_COLUMNS if name == "default" else (name,)))
    return [_COLUMNS[name] for name in wanted]


def shape(dims: Sequence[int]) -> str:
    """Return ``1x3x224x224``; a tensor without dimensions is a ``scalar``."""
    return "x".join(map(str, dims)) or "scalar"


def _input(rows: Sequence[Row], sheet: CellContext) -> list[str]:
    return [_several([shape(s.shape) for s in _inputs(row)], sheet) for row in rows]


def _inputs(row: Row) -> Sequence[Shape]:
    return () if row.role == "own" else row.layer.inputs


def _output(rows: Sequence[Row], sheet: CellContext) -> list[str]:
    return ["" if row.role == "own" else _several(_outputs(row), sheet) for row in rows]


def _outputs(row: Row) -> list[str]:
    # A kernel gives more than was asked for: max_pool2d its indices, attention its logarithms.
    facts = row.layer.outputs[:1] if row.role == "function" else row.layer.outputs
    return [shape(fact.shape) for fact in facts]


def _several(texts: list[str], sheet: CellContext) -> str:
    if len(texts) <= (1 if sheet.compact else _MANY):
        return ", ".join(texts)
    return f"{texts[0]} +{len(texts) - 1}"


def _dtype(rows: Sequence[Row], sheet: CellContext) -> list[str]:
    return [
        "" if row.role == "own" else _several(list(dict.fromkeys(t.dtype for t in row.layer.outputs)), sheet)
        for row in rows
    ]


def _params(rows: Sequence[Row], sheet: CellContext) -> list[str]:
    first = [sheet.first_calls.get(row.layer.path, 0) if _again(row) else None for row in rows]
    write = _counter([row.params for row in rows], sheet)
    return [
        f"({write(again)})" if again else write(row.params) + ("*" if row.trainable < row.params else "")
        for row, again in zip(rows, first, strict=True)
    ]


def _again(row: Row) -> bool:
    return row.role == "module" and row.layer.call > 1 and not row.params


def _macs(rows: Sequence[Row], sheet: CellContext) -> list[str]:
    write = _counter([row.layer.macs_total or 0 for row in rows if row.role != "own"], sheet)
    return ["" if row.role == "own" else _bounded(row, write, sheet) for row in rows]


def _bounded(row: Row, write: Callable[[int], str], sheet: CellContext) -> str:
    total = row.layer.macs_total
    if total is None or row.layer.macs_status == "unknown":
        return "?"
    if row.layer.macs_status == "exact":
        return write(total)
    # At least nothing is nothing known.
    return f"{sheet.glyphs.at_least} {write(total)}" if total else "?"


def _counter(values: Sequence[int], sheet: CellContext) -> Callable[[int], str]:
    """Return how a column writes its counts: all in full, or all in SI."""
    full = not sheet.compact and max(values, default=0) < _EXACT_BELOW
    write = units.exact if full else units.count
    return lambda value: write(value) if value else "-"


def _of(get: Callable[[Row], int | None], write: Callable[[int], str]) -> Write:
    def cells(rows: Sequence[Row], _: CellContext) -> list[str]:
        return [_known(get(row), write) for row in rows]

    return cells


def _known(value: int | None, write: Callable[[int], str]) -> str:
    return "?" if value is None else write(value) if value else "-"


def _bytes(get: Callable[[Row], int | None]) -> Write:
    def cells(rows: Sequence[Row], _: CellContext) -> list[str]:
        return ["" if _is_beside(row) else _known(get(row), units.size) for row in rows]

    return cells


def _is_beside(row: Row) -> bool:
    """Whether ``row`` computes nothing: a module's own parameters, or a module that never ran."""
    return row.role == "own" or (row.role == "module" and row.layer.call == 0)


def _rf(rows: Sequence[Row], sheet: CellContext) -> list[str]:
    return [
        "" if row.role == "own" else field.size_text(row.layer.receptive_field, sheet.glyphs, compact=sheet.compact)
        for row in rows
    ]


def _field(write: Callable[..., str]) -> Write:
    def cells(rows: Sequence[Row], _: CellContext) -> list[str]:
        return ["" if row.role == "own" else write(row.layer.receptive_field) for row in rows]

    return cells


_COLUMNS = {
    column.name: column
    for column in (
        Column("input", "Input", _input, left=True),
        Column("output", "Output", _output, left=True),
        Column("dtype", "Dtype", _dtype, left=True),
        Column("params", "Params", _params),
        Column("trainable", "Trainable", _of(lambda row: row.trainable, units.exact)),
        Column("param_bytes", "Param bytes", _of(lambda row: row.param_bytes, units.size)),
        Column("buffers", "Buffers", _of(lambda row: row.buffers, units.exact)),
        Column("macs", "MACs", _macs),
        Column("rf", "RF", _rf),
        Column("jump", "Jump", _field(field.jump_text)),
        Column("start", "Start", _field(field.start_text)),
        Column("center", "Center", _field(field.center_text)),
        Column("coverage", "Coverage", _field(field.coverage_text)),
        Column("allocated", "Allocated", _bytes(lambda row: row.allocated)),
        Column("saved", "Saved", _bytes(lambda row: row.saved)),
    )
}
