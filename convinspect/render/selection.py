"""Which rows stand on the page: a part, the heaviest, or as much of the tree as the page has room for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from operator import attrgetter

from convinspect.fold import spans_of
from convinspect.render.options import Measure, Options
from convinspect.render.outline import Outline
from convinspect.render.rows import Folds, Row, flat_rows, rows_of
from convinspect.report import Report
from convinspect.tree import Sums, add_up

_FEWEST = 8


@dataclass(frozen=True, slots=True)
class Selection:
    """The rows that are shown; ``folded`` are those that stand in others, and ``more`` is what shows them.

    ``part`` is the path that was asked for, with what it adds up to.
    """

    rows: tuple[Row, ...]
    folded: int = 0
    more: str = ""
    part: tuple[str, Sums] | None = None


def select(report: Report, options: Options, around: int = 0) -> Selection:
    """Return the rows that ``options`` ask for; those without rows below them add up to what is shown as a whole.

    ``around`` is how many lines of the page are taken. Raises `UsageError` for a part that is not there.
    """
    outline = Outline(report)
    starts = _starts(outline, options.only)
    part = (options.only, add_up([outline.nodes[i].sums for i in starts])) if options.only else None
    room = max(options.lines - around, _FEWEST) if options.lines is not None else None
    if options.sort:
        rows = flat_rows(outline, starts)
        return Selection(tuple(_heaviest(rows, options.sort, options.top or room)), part=part)
    rows, folds = _fitting(outline, starts, options, room)
    whole = sum(outline.shown[i] or not folds.hide for start in starts for i in range(start, outline.nodes[start].end))
    told = sum(row.role in ("module", "function") for row in rows)
    more = "--depth all" if folds.depth < outline.deepest or options.expand else "--depth all, or --expand"
    return Selection(tuple(rows), whole - told, more, part)


def _starts(outline: Outline, only: str | None) -> list[int]:
    """Return the layers that are shown with all below them: those without a parent, or each call of the part."""
    if only is None:
        return [i for i, node in enumerate(outline.nodes) if node.parent is None]
    return [start for start, _ in spans_of(outline.report.layers, only)]


def _fitting(outline: Outline, starts: list[int], options: Options, room: int | None) -> tuple[list[Row], Folds]:
    """Return as much of the tree as there is room for: all of it, or equal siblings in one row and fewer levels."""
    everything = Folds(outline.deepest, together=False, hide=not options.expand)
    if isinstance(options.depth, int):
        folds = replace(everything, depth=options.depth, together=not options.expand)
        return rows_of(outline, folds, starts), folds
    if room is None or options.depth or options.expand or options.only:
        return rows_of(outline, everything, starts), everything
    if outline.worth <= room and len(rows := rows_of(outline, everything, starts)) <= room:
        return rows, everything
    folds = Folds(1)
    rows = rows_of(outline, folds, starts)
    # From the outermost level on: no more is laid out than a page holds.
    for depth in range(2, outline.deepest + 1):
        deeper = rows_of(outline, Folds(depth), starts)
        if len(deeper) > room:
            break
        rows, folds = deeper, Folds(depth)
    return rows, folds


def _heaviest(rows: list[Row], measure: Measure, top: int | None) -> Iterator[Row]:
    """Yield the heaviest rows, and one for all the others."""
    weight = attrgetter({"memory": "sums.memory.allocated_bytes"}.get(measure, f"sums.{measure}"))
    ranked = sorted(rows, key=lambda row: -(weight(row) or 0))
    keep = len(ranked) if top is None or len(ranked) <= top else top
    yield from ranked[:keep]
    rest = ranked[keep:]
    if rest:
        layers = tuple(layer for row in rest for layer in row.layers)
        yield Row(layers, f"{len(rest):,} other rows", "hidden", add_up([row.sums for row in rest]))
