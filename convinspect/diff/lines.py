"""Which rows a reader is shown: what was changed and where it hangs; what only follows, or is as it was, is counted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from convinspect.diff.costs import added, total
from convinspect.diff.difference import Costs, Diff, Row
from convinspect.diff.facets import Facet
from convinspect.diff.folding import Folding, counts_on

Kind: TypeAlias = Literal["row", "own", "rest", "more"]

_SHOWN = ("params", "macs", "allocated_bytes")


@dataclass(frozen=True, slots=True)
class Line:
    """One line. ``rows`` are what it stands for: one row, or equal ones that stand side by side.

    ``own`` lines hold the costs of a row that has lines below it; ``rest`` lines those of the rows that have none of
    their own: ``follow`` of them differ in ``facets`` and no more, ``unchanged`` differ in nothing. ``hidden`` counts
    the rows that were changed below a line that is not ``is_open``, ``came`` and ``went`` those that were added and
    removed there; ``facets`` are what they have in common, and ``like`` is the sibling to which the same was done. The
    costs of the lines below an open line add up
    to its own.
    """

    kind: Kind
    level: int
    rows: tuple[Row, ...]
    costs: Costs
    facets: tuple[Facet, ...] = ()
    follow: int = 0
    unchanged: int = 0
    hidden: int = 0
    came: int = 0
    went: int = 0
    is_open: bool = False
    like: Row | None = None

    @property
    def row(self) -> Row:
        """The last of the rows: what comes out of it comes out of them all."""
        return self.rows[-1]


@dataclass(frozen=True, slots=True)
class Counts:
    """How many rows there are of each sort, subtrees that came or went by the row that holds them."""

    added: int
    added_rows: int
    removed: int
    removed_rows: int
    changed: int
    renamed: int
    moved: int
    follow: int
    unchanged: int


def lines_of(diff: Diff, depth: int | None = None) -> list[Line]:
    """Return the lines of the table, parents first, no deeper than ``depth`` rows below the outermost."""
    return _Lines(diff.rows, depth).all()


def counts_of(diff: Diff) -> Counts:
    """Return the counts of a heading: each row is counted once."""
    rows = diff.rows
    tops = [row for row, above in zip(rows, _parents(rows), strict=True) if above is None or row.status != above.status]
    return Counts(
        added=sum(row.status == "added" for row in tops),
        added_rows=sum(row.status == "added" for row in rows),
        removed=sum(row.status == "removed" for row in tops),
        removed_rows=sum(row.status == "removed" for row in rows),
        changed=sum(row.itself for row in rows),
        renamed=sum(row.status == "renamed" and not row.itself for row in rows),
        moved=sum(row.status == "moved" and not row.itself for row in rows),
        follow=sum(follows(row) for row in rows),
        unchanged=sum(row.status in ("unchanged", "changed") and not _differs(row) and not row.itself for row in rows),
    )


def follows(row: Row) -> bool:
    """Return whether the row differs only because of others."""
    return row.status == "changed" and not row.itself and _differs(row)


def _differs(row: Row) -> bool:
    return any(facet != "below" for facet in row.facets)


def _parents(rows: Sequence[Row]) -> Iterator[Row | None]:
    open_: list[Row] = []
    for row in rows:
        del open_[row.depth :]
        yield open_[-1] if open_ else None
        open_.append(row)


class _Lines:
    def __init__(self, rows: Sequence[Row], depth: int | None) -> None:
        self._rows = rows
        self._folding = Folding(rows, depth)

    def all(self) -> list[Line]:
        """Walk the shown rows; a row's rest stands behind the lines of its children."""
        found: list[Line] = []
        waiting: list[int | Line] = self._children(None)[::-1]
        while waiting:
            item = waiting.pop()
            if isinstance(item, Line):
                found.append(item)
                continue
            if not self._folding.is_open(item):
                found.append(self._closed(item))
                continue
            row = self._rows[item]
            found.append(Line("row", row.depth, (row,), row.total, is_open=True))
            if any(row.own[name].differs for name in _SHOWN):
                found.append(Line("own", row.depth + 1, (row,), row.own))
            waiting.extend(reversed(self._children(item)))
        return _grouped(found)

    def _children(self, parent: int | None) -> list[int | Line]:
        found: list[int | Line] = []
        rest: list[Row] = []
        model = last = -1
        for index in self._folding.children(parent):
            if self._folding.holds_told(index):
                # Where the same was done to a row of equal blocks, the first is shown and the others are like it.
                like = last >= 0 and self._folding.is_open(index) and self._folding.is_like(index, last)
                found.append(self._closed(index, self._rows[model]) if like else index)
                model, last = model if like else index, index
                continue
            last = -1
            rest += self._rows[index : self._folding.end(index)]
        return [*found, _rest(rest)] if rest else found

    def _closed(self, index: int, like: Row | None = None) -> Line:
        row = self._rows[index]
        if row.status in ("added", "removed"):
            return Line("row", row.depth, (row,), row.total)
        within = self._rows[index + 1 : self._folding.end(index)]
        return Line(
            "row",
            row.depth,
            (row,),
            row.total,
            facets=self._folding.uniform(index),
            hidden=self._folding.told_below(index),
            came=sum(inner.status == "added" for inner in within),
            went=sum(inner.status == "removed" for inner in within),
            like=like,
        )


def _rest(rows: Sequence[Row]) -> Line:
    follow = sum(map(_differs, rows))
    facets = tuple(sorted({facet for row in rows for facet in row.facets}))
    costs = total(row.own for row in rows)
    return Line("rest", rows[0].depth, (), costs, facets, follow=follow, unchanged=len(rows) - follow)


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
                hidden=last.hidden + line.hidden,
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
