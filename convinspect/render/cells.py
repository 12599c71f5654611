"""How the cells of a column are written: a row's tensors, counts, shares and bytes as text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from convinspect import units
from convinspect.render import field
from convinspect.render.text import Glyphs
from convinspect.units import shape

if TYPE_CHECKING:
    from convinspect.records import ReceptiveField
    from convinspect.render.rows import Row
    from convinspect.report import Report

# A column of counts that are larger than this is written in SI: they are no longer read digit by digit.
_EXACT_BELOW = 1_000_000
# As many figures as people compare.
DIGITS = 3


@dataclass(frozen=True, slots=True)
class CellContext:
    """What cells are written with, beside their rows: signs, and what the whole report adds up to.

    ``stopped``: the forward did, so that a row without results has none yet.
    """

    glyphs: Glyphs
    params: int = 0
    macs: int | None = None
    stopped: bool = False

    @classmethod
    def of(cls, report: Report, glyphs: Glyphs) -> CellContext:
        """Return what the cells of ``report`` are written with; a share of a bound is no share."""
        macs = report.totals.macs if report.totals.macs_status == "exact" else None
        return cls(glyphs, report.totals.params, macs, stopped=report.failure is not None)


# All cells of a column are written at once: its counts are all in full, or all in SI.
Cells: TypeAlias = Callable[["Sequence[Row]", CellContext], list[str]]


def each(cell: Callable[[Row, CellContext], str]) -> Cells:
    """Return how a column is written whose cells do not look at each other; hidden and own rows have one of them."""
    return lambda rows, context: [cell(row, context) for row in rows]


def several(texts: Callable[[Row], list[str]]) -> Cells:
    """Return how ``texts`` of each row are written: ``1x8``, or ``1x8 +2``."""

    def cell(row: Row, context: CellContext) -> str:
        if row.role in ("own", "hidden"):
            return ""
        said = texts(row)
        return said[0] if len(said) == 1 else f"{said[0]} +{len(said) - 1}" if said else _without(row, context)

    return each(cell)


def _without(row: Row, context: CellContext) -> str:
    """Return what stands in place of the results of a layer that took tensors and gave none."""
    gave_none = row.layer.call and row.layer.inputs and not row.layer.outputs and not context.stopped
    return "none" if gave_none else ""


def inputs(row: Row) -> list[str]:
    """Return the shapes of what goes in."""
    return [shape(given.shape) for given in row.layer.inputs]


def dtypes(row: Row) -> list[str]:
    """Return the dtypes of what comes out, each once."""
    return list(dict.fromkeys(fact.dtype for fact in row.layer.outputs))


def outputs(row: Row) -> list[str]:
    """Return the shapes of what ``row`` is worth showing for: a kernel gives more than was asked for.

    ``max_pool2d`` gives its indices, attention its logarithms.
    """
    facts = row.layer.outputs[:1] if row.role == "function" else row.layer.outputs
    return [shape(fact.shape) for fact in facts]


def allocation(get: Callable[[Row], int | None]) -> Cells:
    """Return how bytes of a run are written: nothing where nothing ran, ``?`` where they are not known."""

    def cell(row: Row, context: CellContext) -> str:
        if row.role == "own" or (row.role == "module" and row.layer.call == 0):
            return ""
        size = get(row)
        return "?" if size is None else _or_nothing(size, size_text, context)

    return each(cell)


def size_text(value: int) -> str:
    """Return bytes in three figures: ``85.3 KiB``."""
    return units.size(value, DIGITS)


def count_text(value: int, largest: int) -> str:
    """Return a count as it is written where the largest beside it is ``largest``: ``480,500``, ``4.09G``."""
    return units.exact(value) if largest < _EXACT_BELOW else units.count(value, DIGITS)


@each
def params(row: Row, context: CellContext) -> str:
    """Return parameters: ``260``, ``260*`` where some are frozen, ``(260)`` where the first call counts them."""
    sums = row.sums
    if row.role == "module" and row.layer.call > 1 and not sums.params and row.first_params:
        return f"({units.exact(row.first_params)})"
    frozen = "*" if sums.trainable_params < sums.params else ""
    return _or_nothing(sums.params, units.exact, context) + frozen


def macs(rows: Sequence[Row], context: CellContext) -> list[str]:
    """Return multiply-accumulates: ``500``, ``≥ 500`` where they are a bound, ``?``."""
    largest = max((row.sums.macs or 0 for row in rows), default=0)
    return ["" if row.role == "own" else _macs(row, largest, context) for row in rows]


def _macs(row: Row, largest: int, context: CellContext) -> str:
    known, status = row.sums.macs, row.sums.macs_status
    if known is None or status == "unknown":
        return "?"
    if status == "exact":
        return _or_nothing(known, lambda value: count_text(value, largest), context)
    # At least nothing is nothing known.
    return f"{context.glyphs.at_least} {count_text(known, largest)}" if known else "?"


# Numbers that are always known.
trainable = each(lambda row, context: _or_nothing(row.sums.trainable_params, units.exact, context))
buffers = each(lambda row, context: _or_nothing(row.sums.buffers, units.exact, context))
param_bytes = each(lambda row, context: _or_nothing(row.sums.param_bytes, size_text, context))
# Which percentage of all each row has; of MACs none where they are a bound.
params_share = each(lambda row, context: _percent(row.sums.params, context.params))
macs_share = each(lambda row, context: _percent(row.sums.macs or 0, context.macs or 0))


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f}" if part and whole else ""


def _or_nothing(value: int, write: Callable[[int], str], context: CellContext) -> str:
    return write(value) if value else context.glyphs.nothing


def of_field(text: Callable[[ReceptiveField], str]) -> Cells:
    """Return how ``text`` of each row's field is written, from the first to the last layer of the row."""
    return lambda rows, _: [_cell(row, text) for row in rows]


def field_size(rows: Sequence[Row], context: CellContext) -> list[str]:
    """Return the sizes of fields: ``14``, ``92-100`` where one differs by phase."""
    return of_field(lambda rf: field.size_text(rf, context.glyphs, compact=True))(rows, context)


def _cell(row: Row, text: Callable[[ReceptiveField], str]) -> str:
    if row.role in ("own", "hidden"):
        return ""
    # Hundreds of equal layers have few fields.
    fields = dict.fromkeys(layer.receptive_field for layer in row.layers)
    said = list(dict.fromkeys(words for one in fields if one and (words := text(one))))
    return _range(said) if len(said) > 1 else "".join(said)


def _range(said: Sequence[str]) -> str:
    """Return ``27-35``, least and most, or the first and the last where they are no plain numbers."""
    ends = [part for one in said for part in one.split("-")]
    if all(end.isascii() and end.isdigit() for end in ends):
        numbers = sorted(map(int, ends))
        return f"{numbers[0]}-{numbers[-1]}"
    # ``all (27)``: what is in brackets may differ alone, or not be there for all.
    outer, inner = zip(*(one.partition(" (")[::2] for one in said), strict=True)
    if len(set(outer)) > 1:
        return f"{said[0]} .. {said[-1]}"
    return f"{outer[0]} ({_range([one.removesuffix(')') for one in inner])})" if all(inner) else str(outer[0])


def extent(row: Row) -> int | None:
    """Return how many positions one unit of the row sees along the axis where it sees most."""
    found = row.layer.receptive_field
    if found is None:
        return None
    sides = [side[1] - side[0] + 1 for side in found.center or () if side is not None]
    return max([*(size for size in found.size or () if size is not None), *sides], default=None)
