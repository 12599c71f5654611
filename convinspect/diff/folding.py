"""Which rows are told on a line of their own, and below which of them there is more to tell."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence

from convinspect.diff.difference import Facet, Row
from convinspect.fold import counts_on

# A block of another class is told as one line where more than this share of its rows are other rows.
_REBUILT = 0.25
# What can be said of a whole block at once, where it holds for every weight in it.
_UNIFORM: tuple[Facet, ...] = ("trainable", "dtype")
_OF_ITSELF: tuple[Facet, ...] = ("type", "attributes", "params", "trainable", "buffers", "dtype", "sharing")


class Folding:
    """The rows of a diff by index, as a reader sees them: ``depth`` is the deepest that is told (``None``: any)."""

    def __init__(self, rows: Sequence[Row], depth: int | None) -> None:
        self.rows = rows
        self._depth = depth
        # How many rows from the first on are told: a difference of two tells of any subtree.
        self._told = [0]
        for row in rows:
            self._told.append(self._told[-1] + _is_told(row))
        self._pattern: list[int] = self._patterns()

    def children(self, parent: int | None) -> Iterator[int]:
        """Yield the rows right below ``parent``, or the outermost."""
        index = 0 if parent is None else parent + 1
        end = len(self.rows) if parent is None else self.end(parent)
        while index < end:
            yield index
            index = self.end(index)

    def end(self, index: int) -> int:
        """Return the first row that is not below row ``index``."""
        return index + 1 + self.rows[index].below

    def holds_told(self, index: int) -> bool:
        """Return whether the row or one below it is told."""
        return self._told[self.end(index)] > self._told[index]

    def told_below(self, index: int) -> int:
        """Return how many rows below row ``index`` would be told."""
        return self._told[self.end(index)] - self._told[index + 1]

    def is_open(self, index: int) -> bool:
        """Return whether there is something to tell below the row that its own line does not say."""
        row = self.rows[index]
        if not self.told_below(index) or (self._depth is not None and row.depth >= self._depth):
            return False
        if row.status in ("added", "removed"):
            return any(self.rows[i].status != row.status for i in range(index + 1, self.end(index)))
        if "type" in row.facets and row.depth and self.told_below(index) > _REBUILT * row.below:
            return False
        return not self.uniform(index)

    def uniform(self, index: int) -> tuple[Facet, ...]:
        """Return what changed alike in all weights below the row, where nothing else did: all were frozen."""
        inner = [self.rows[i] for i in range(index + 1, self.end(index))]
        kinds = {tuple(facet for facet in row.facets if facet in _OF_ITSELF) for row in inner if _is_told(row)}
        if len(kinds) != 1 or any(row.status not in ("changed", "unchanged") for row in inner):
            return ()
        (kind,) = kinds
        whole = all(row.itself or not row.layer.params for row in inner)
        return kind if kind and whole and all(facet in _UNIFORM for facet in kind) else ()

    def is_like(self, index: int, other: int) -> bool:
        """Return whether the row counts on from its sibling ``other``, and below both the same was done."""
        ours, theirs = self.rows[index], self.rows[other]
        following = all(counts_on(a, b) for a, b in zip(theirs.names, ours.names, strict=True))
        return following and self._pattern[index] == self._pattern[other]

    def _patterns(self) -> list[int]:
        """Number what was done to each row and below it: equal numbers are the same change at two places."""
        numbers: dict[Hashable, int] = {}
        found = [0] * len(self.rows)
        for index in range(len(self.rows) - 1, -1, -1):
            row = self.rows[index]
            below = tuple((self.rows[i].names, found[i]) for i in self.children(index) if self.holds_told(i))
            own = tuple(row.own[name].value for name in ("params", "trainable_params", "macs"))
            key = (row.status, row.layer.type, row.itself, row.facets if row.itself else (), own, below)
            found[index] = numbers.setdefault(key, len(numbers))
        return found


def _is_told(row: Row) -> bool:
    return row.itself or row.status in ("added", "removed", "renamed", "moved")
