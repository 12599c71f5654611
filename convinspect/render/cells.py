"""How the cells of a column are written: a row's tensors, counts, bytes and receptive field as text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from convinspect import units

if TYPE_CHECKING:
    from convinspect.records import ReceptiveField
    from convinspect.render.rows import Row
    from convinspect.render.text import Glyphs

# From here on a column of counts is written in SI: a billion and more is no longer read digit by digit.
_EXACT_BELOW = 1_000_000_000

_MANY = 2


@dataclass(frozen=True, slots=True)
class CellContext:
    """What cells are written with, beside their rows: signs, and whether width is short (``compact``)."""

    glyphs: Glyphs
    compact: bool = False


# All cells of a column are written at once: its counts are all in full, or all in SI.
Cells: TypeAlias = Callable[["Sequence[Row]", CellContext], list[str]]


def shape(dims: Sequence[int]) -> str:
    """Return ``1x3x224x224``; a tensor without dimensions is a ``scalar``."""
    return "x".join(map(str, dims)) or "scalar"


def each(cell: Callable[[Row, CellContext], str]) -> Cells:
    """Return how a column is written whose cells do not look at each other."""
    return lambda rows, context: [cell(row, context) for row in rows]


def several(texts: Callable[[Row], list[str]]) -> Cells:
    """Return how ``texts`` of each row are written: ``1x8, 1x4``, or ``1x8 +2``."""

    def cell(row: Row, context: CellContext) -> str:
        said = texts(row)
        return ", ".join(said) if len(said) <= (1 if context.compact else _MANY) else f"{said[0]} +{len(said) - 1}"

    return each(cell)


def outputs(row: Row) -> list[str]:
    """Return the shapes of what ``row`` is worth showing for: a kernel gives more than was asked for.

    ``max_pool2d`` gives its indices, attention its logarithms.
    """
    facts = row.layer.outputs[:1] if row.role == "function" else row.layer.outputs
    return [shape(fact.shape) for fact in facts]


def number(get: Callable[[Row], int], write: Callable[[int], str]) -> Cells:
    """Return how a column of numbers is written that are always known."""
    return each(lambda row, _: _or_dash(get(row), write))


def allocation(get: Callable[[Row], int | None]) -> Cells:
    """Return how bytes of a run are written: nothing where nothing ran, ``?`` where they are not known."""

    def cell(row: Row, _: CellContext) -> str:
        if row.role == "own" or (row.role == "module" and row.layer.call == 0):
            return ""
        size = get(row)
        return "?" if size is None else _or_dash(size, units.size)

    return each(cell)


def receptive_field(text: Callable[[ReceptiveField, CellContext], str]) -> Cells:
    """Return how ``text`` of each row's field is written."""
    return each(lambda row, context: text(row.layer.receptive_field, context) if row.layer.receptive_field else "")


def params(rows: Sequence[Row], context: CellContext) -> list[str]:
    """Return parameters: ``260``, ``260*`` where some are frozen, ``(260)`` where the first call counts them."""
    write = _counter([row.sums.params for row in rows], context)
    return [_params(row, write) for row in rows]


def _params(row: Row, write: Callable[[int], str]) -> str:
    sums = row.sums
    if row.role == "module" and row.layer.call > 1 and not sums.params and row.first_params:
        return f"({write(row.first_params)})"
    return write(sums.params) + ("*" if sums.trainable_params < sums.params else "")


def macs(rows: Sequence[Row], context: CellContext) -> list[str]:
    """Return multiply-accumulates: ``500``, ``≥ 500`` where they are a bound, ``?``."""
    write = _counter([row.sums.macs or 0 for row in rows], context)
    return ["" if row.role == "own" else _macs(row, write, context.glyphs) for row in rows]


def _macs(row: Row, write: Callable[[int], str], glyphs: Glyphs) -> str:
    known, status = row.sums.macs, row.sums.macs_status
    if known is None or status == "unknown":
        return "?"
    if status == "exact":
        return write(known)
    # At least nothing is nothing known.
    return f"{glyphs.at_least} {write(known)}" if known else "?"


def _counter(values: Sequence[int], context: CellContext) -> Callable[[int], str]:
    full = not context.compact and max(values, default=0) < _EXACT_BELOW
    return lambda value: _or_dash(value, units.exact if full else units.count)


def _or_dash(value: int, write: Callable[[int], str]) -> str:
    return write(value) if value else "-"
