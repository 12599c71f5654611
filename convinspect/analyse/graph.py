"""Which rows read what other rows made."""

from __future__ import annotations

from collections.abc import Sequence

from convinspect.analyse.rows import Row
from convinspect.report import Edge


def edges_of(rows: Sequence[Row]) -> tuple[Edge, ...]:
    """Return the edges ``(from, to)`` by the rows' places, each once, in the order in which rows read; see `Report`."""
    made_in: dict[int, int] = {}
    passed_on: dict[int, int | None] = {}
    found: dict[Edge, None] = {}
    for number, row in enumerate(rows):
        for op, call in zip(row.ops, row.places, strict=True):
            if row.leaf:
                made_in[call] = number
            else:  # what has no row of its own hands on what it was given
                passed_on[call] = op.sources[0] if op.sources else None
    for number, row in enumerate(rows):
        for op in row.ops if row.leaf else ():
            for source in op.sources:
                origin: int | None = source
                while origin is not None and origin in passed_on:
                    origin = passed_on[origin]
                if origin is not None:
                    found[origin if origin < 0 else made_in[origin], number] = None
    return tuple(edge for edge in found if edge[0] != edge[1])
