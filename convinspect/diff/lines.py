"""Which rows a reader is shown: what was changed and where it hangs; what only follows, or is as it was, is counted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from convinspect.diff.costs import added, nothing
from convinspect.diff.difference import Costs, Diff, Row
from convinspect.diff.facets import Facet

Kind: TypeAlias = Literal["row", "own", "rest"]

# A block of another class is told as one line where more than this share of its rows are other rows.
_REBUILT = 0.25

_SHOWN = ("params", "macs", "allocated_bytes")


@dataclass(frozen=True, slots=True)
class Line:
    """One line. ``rows`` are what it stands for: one row, or equal ones that stand side by side.

    ``own`` lines hold the costs of a row that has lines below it; ``rest`` lines those of the rows that have none of
    their own: ``follow`` of them differ in ``facets`` and no more, ``unchanged`` differ in nothing. ``hidden`` counts
    the rows that were changed below a line that is not ``is_open``. The costs of the lines below an open line add up
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
    is_open: bool = False

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


@dataclass(slots=True)
class _Rest:
    costs: Costs = field(default_factory=nothing)
    facets: set[Facet] = field(default_factory=set)
    follow: int = 0
    unchanged: int = 0


class _Lines:
    def __init__(self, rows: Sequence[Row], depth: int | None) -> None:
        self._rows = rows
        self._depth = depth
        # How many rows from here to the end have something to say: a difference tells of any subtree.
        self._told = [0]
        for row in rows:
            self._told.append(self._told[-1] + _is_told(row))

    def all(self) -> list[Line]:
        """Walk the shown rows; a row's rest stands behind the lines of its children."""
        found: list[Line] = []
        waiting: list[int | Line] = self._children(None)[::-1]
        while waiting:
            item = waiting.pop()
            if isinstance(item, Line):
                found.append(item)
                continue
            row = self._rows[item]
            if not self._is_open(item):
                found.append(self._closed(item))
                continue
            found.append(Line("row", row.depth, (row,), row.total, is_open=True))
            if any(row.own[name].differs for name in _SHOWN):
                found.append(Line("own", row.depth + 1, (row,), row.own))
            waiting.extend(reversed(self._children(item)))
        return _grouped(found)

    def _closed(self, index: int) -> Line:
        row = self._rows[index]
        within = range(index + 1, index + 1 + row.below)
        if row.status in ("added", "removed"):
            return Line("row", row.depth, (row,), row.total)
        return Line(
            "row",
            row.depth,
            (row,),
            row.total,
            tuple(sorted({facet for i in within for facet in self._rows[i].facets if facet != "below"})),
            follow=sum(follows(self._rows[i]) for i in within),
            hidden=sum(_is_told(self._rows[i]) for i in within),
        )

    def _children(self, parent: int | None) -> list[int | Line]:
        start, end = (0, len(self._rows)) if parent is None else (parent + 1, parent + 1 + self._rows[parent].below)
        found: list[int | Line] = []
        rest = _Rest()
        index = start
        while index < end:
            row = self._rows[index]
            if self._has_told(index, index + 1 + row.below):
                found.append(index)
            else:
                self._add(rest, index)
            index += 1 + row.below
        if rest.follow or rest.unchanged:
            level = self._rows[start].depth
            facets = tuple(sorted(rest.facets))
            found.append(Line("rest", level, (), rest.costs, facets, rest.follow, rest.unchanged))
        return found

    def _add(self, rest: _Rest, index: int) -> None:
        rest.costs = added(rest.costs, self._rows[index].total)
        for row in self._rows[index : index + 1 + self._rows[index].below]:
            if _differs(row):
                rest.follow += 1
                rest.facets.update(facet for facet in row.facets if facet != "below")
            else:
                rest.unchanged += 1

    def _has_told(self, start: int, end: int) -> bool:
        return self._told[end] > self._told[start]

    def _is_open(self, index: int) -> bool:
        """Return whether the lines below a row are shown: there is something to tell that its own line does not."""
        row, start, end = self._rows[index], index + 1, index + 1 + self._rows[index].below
        if not self._has_told(start, end) or (self._depth is not None and row.depth >= self._depth):
            return False
        if row.status in ("added", "removed"):
            return any(inner.status != row.status for inner in self._rows[start:end])
        rebuilt = self._told[end] - self._told[start] > _REBUILT * row.below
        return "type" not in row.facets or row.depth == 0 or not rebuilt


def _is_told(row: Row) -> bool:
    return row.itself or row.status in ("added", "removed", "renamed", "moved")


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
                facets=tuple(sorted({*last.facets, *line.facets})),
                follow=last.follow + line.follow,
                hidden=last.hidden + line.hidden,
            )
        else:
            found.append(line)
    return found


def _belong(a: Line, b: Line) -> bool:
    if a.kind != "row" or b.kind != "row" or a.level != b.level:
        return False
    ours, theirs = a.row, b.row
    same = (ours.status, ours.layer.kind, _types(ours)) == (theirs.status, theirs.layer.kind, _types(theirs))
    if not same or ours.layer.kind == "function" or a.is_open or b.is_open:
        return False
    if ours.status in ("unchanged", "changed") and "type" not in ours.facets:
        return False
    return all(_next(x, y) for x, y in zip(ours.names, theirs.names, strict=True) if x or y)


def _types(row: Row) -> tuple[str, str]:
    return row.before.type if row.before is not None else "", row.after.type if row.after is not None else ""


def _next(name: str, following: str) -> bool:
    """Return whether ``following`` is the name that counts on from ``name``: ``blocks.4`` from ``blocks.3``."""
    prefix, _, last = name.rpartition(".")
    other, _, then = following.rpartition(".")
    numbered = last.isascii() and last.isdigit() and then.isascii() and then.isdigit()
    return prefix == other and numbered and int(then) == int(last) + 1
