"""How many rows of a diff there are of each sort."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from convinspect.diff.difference import Diff, Row


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
