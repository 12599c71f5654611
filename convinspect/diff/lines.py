"""Which rows a reader is shown: what was changed and where it hangs; what only follows, or is as it was, is counted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from convinspect.diff.costs import added, total
from convinspect.diff.difference import Costs, Diff, Facet, Row
from convinspect.diff.folding import Folding
from convinspect.fold import counts_on

Kind: TypeAlias = Literal["row", "own", "follow", "unchanged", "more"]

_SHOWN = ("params", "macs", "allocated_bytes")


@dataclass(frozen=True, slots=True)
class Line:
    """One line. ``rows`` are what it stands for: one row, or equal ones that stand side by side.

    The costs of the lines below a line that ``is_open`` add up to its own: an ``own`` line has what the row costs
    itself, and those rows that have no line of their own are counted: ``follow`` lines stand for ``count`` rows that
    differ, in ``facets`` and no more, because of others, ``unchanged`` lines for rows that differ in nothing. In a line
    that is not open ``count`` is how many rows were changed below it, ``came`` and ``went`` how many of them were added
    and removed, ``facets`` what changed in all of them, and ``like`` the sibling to which the same was done.
    """

    kind: Kind
    level: int
    rows: tuple[Row, ...]
    costs: Costs
    facets: tuple[Facet, ...] = ()
    count: int = 0
    came: int = 0
    went: int = 0
    is_open: bool = False
    like: Row | None = None

    @property
    def row(self) -> Row:
        """The last of the rows: what comes out of it comes out of them all."""
        return self.rows[-1]

    @property
    def sort(self) -> str:
        """What became of the row, in a word; empty for a line that stands for none, or for what is as it was."""
        if self.kind != "row" or self.row.status not in ("changed", "unchanged"):
            return self.row.status if self.kind == "row" else ""
        return "changed" if self.row.itself or self.count else ""


def lines_of(diff: Diff, depth: int | Literal["all"] | None = None) -> list[Line]:
    """Return the lines of the table, parents first, no deeper than ``depth`` rows below the outermost.

    There are none where no row differs.
    """
    # A row's rest stands behind the lines of its children.
    folding = Folding(diff.rows, depth if isinstance(depth, int) else None)
    found: list[Line] = []
    waiting: list[int | Line] = _children(folding, None)[::-1]
    while waiting:
        item = waiting.pop()
        if isinstance(item, Line):
            found.append(item)
            continue
        if not folding.is_open(item):
            found.append(_closed(folding, item))
            continue
        row = folding.rows[item]
        found.append(Line("row", row.depth, (row,), row.total, is_open=True))
        if any(row.own[name].differs for name in _SHOWN):
            found.append(Line("own", row.depth + 1, (row,), row.own))
        waiting.extend(reversed(_children(folding, item)))
    nothing = all(line.kind == "unchanged" for line in found)
    return [] if nothing else _grouped(found)


def _children(folding: Folding, parent: int | None) -> list[int | Line]:
    found: list[int | Line] = []
    rest: list[Row] = []
    model = last = -1
    for index in folding.children(parent):
        if folding.holds_told(index):
            # Where the same was done to a row of equal blocks, the first is shown and the others are like it.
            like = last >= 0 and folding.is_open(index) and folding.is_like(index, last)
            found.append(_closed(folding, index, folding.rows[model]) if like else index)
            model, last = model if like else index, index
            continue
        last = -1
        rest += folding.rows[index : folding.end(index)]
    return [*found, *_rest(rest)]


def _closed(folding: Folding, index: int, like: Row | None = None) -> Line:
    row = folding.rows[index]
    if row.status in ("added", "removed"):
        return Line("row", row.depth, (row,), row.total)
    within = folding.rows[index + 1 : folding.end(index)]
    return Line(
        "row",
        row.depth,
        (row,),
        row.total,
        facets=folding.uniform(index),
        count=folding.told_below(index),
        came=sum(inner.status == "added" for inner in within),
        went=sum(inner.status == "removed" for inner in within),
        like=like,
    )


def _rest(rows: Sequence[Row]) -> Iterator[Line]:
    """Yield a line for those of ``rows`` that follow from others, and one for those that are as they were."""
    kinds: tuple[tuple[Kind, bool], ...] = (("follow", True), ("unchanged", False))
    for kind, differs in kinds:
        found = [row for row in rows if row.differs == differs]
        if found:
            facets = tuple(sorted({facet for row in found for facet in row.facets}))
            level = min(row.depth for row in rows)
            yield Line(kind, level, (), total(row.own for row in found), facets, len(found))


def _grouped(lines: Sequence[Line]) -> list[Line]:
    """Put siblings into one line that stand side by side and have the same to say, but for the number they have."""
    found: list[Line] = []
    for line in lines:
        last = found[-1] if found else None
        if last is not None and _belong(last, line):
            found[-1] = replace(
                last,
                rows=(*last.rows, *line.rows),
                costs=added(last.costs, line.costs),
                count=last.count + line.count,
                came=last.came + line.came,
                went=last.went + line.went,
            )
        else:
            found.append(line)
    return found


def _belong(a: Line, b: Line) -> bool:
    if a.kind != "row" or b.kind != "row" or a.level != b.level or a.is_open or b.is_open:
        return False
    ours, theirs = a.row, b.row
    if (ours.status, ours.layer.kind, _types(ours)) != (theirs.status, theirs.layer.kind, _types(theirs)):
        return False
    if ours.layer.kind == "function" or a.like is not b.like or a.facets or b.facets:
        return False
    if a.like is None and (ours.itself or theirs.itself) and "type" not in ours.facets:
        return False
    return all(counts_on(x, y) for x, y in zip(ours.names, theirs.names, strict=True) if x or y)


def _types(row: Row) -> tuple[str, str]:
    return row.before.type if row.before is not None else "", row.after.type if row.after is not None else ""
