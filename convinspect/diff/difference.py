"""The value of this room: the rows of two reports as one tree, with what each row was, is, and differs in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from convinspect.diff.amounts import Change
from convinspect.diff.facets import Facet
from convinspect.report import Layer, Report

Status: TypeAlias = Literal["unchanged", "changed", "renamed", "moved", "added", "removed"]
Costs: TypeAlias = Mapping[str, Change]


@dataclass(frozen=True, slots=True)
class Row:
    """One row of either report or of both; ``names`` are its paths below the rows that hold it.

    ``facets`` say what differs, ``below`` among them where something beneath it does; ``itself``: the change was made
    in this row and does not follow from others. ``own`` costs are the row's, ``total`` those of the ``below`` rows
    after it as well: a removed row costs nothing afterwards, an added one nothing before.
    """

    before: Layer | None
    after: Layer | None
    names: tuple[str, str]
    depth: int
    below: int
    status: Status
    facets: tuple[Facet, ...]
    itself: bool
    own: Costs
    total: Costs

    @property
    def differs(self) -> bool:
        """Whether the row itself is not what it was, whatever became of the rows below it."""
        return any(facet != "below" for facet in self.facets)

    @property
    def layer(self) -> Layer:
        """The row as it is now, or as it last was."""
        layer = self.after or self.before
        if layer is None:
            raise ValueError("a row of neither report")
        return layer


@dataclass(frozen=True, slots=True)
class Diff:
    """Two reports against each other; ``rows`` in order of execution, parents first, removed rows where they stood.

    ``labels`` are what a reader calls the two: targets, perhaps at a revision.
    The rows' own costs add up to ``totals``, as far as these are sums of rows.
    """

    before: Report
    after: Report
    rows: tuple[Row, ...]
    totals: Costs
    labels: tuple[str, str]

    @property
    def differs(self) -> bool:
        """Whether anything differs that is the network's: not paths of targets, not versions of tools."""
        return any(row.status != "unchanged" for row in self.rows) or any(c.differs for c in self.totals.values())


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
        follow=sum(row.status == "changed" and row.differs and not row.itself for row in rows),
        unchanged=sum(row.status in ("unchanged", "changed") and not row.differs for row in rows),
    )


def _parents(rows: Sequence[Row]) -> Iterator[Row | None]:
    open_: list[Row] = []
    for row in rows:
        del open_[row.depth :]
        yield open_[-1] if open_ else None
        open_.append(row)
