"""Two reports for one HTML page: both as they are, and which row of one is which of the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from convinspect.render.html import page
from convinspect.render.page_data import page_data

if TYPE_CHECKING:
    from convinspect.report import Report


@dataclass(frozen=True, slots=True)
class Pair:
    """A row by its places in the two reports (``None``: it is not there), what became of it, and what differs.

    ``itself``: the change was made in this row, and does not follow from others.
    """

    before: int | None
    after: int | None
    status: str
    itself: bool
    facets: tuple[str, ...]


def compared(before: Report, after: Report, labels: tuple[str, str], pairs: Sequence[Pair], *, ascii_only: bool) -> str:
    """Return the page of ``after`` that can also show ``before``, differences marked."""
    comparison = {"labels": labels, "before": page_data(before), "pairs": [asdict(pair) for pair in pairs]}
    return page({**page_data(after), "comparison": comparison}, ascii_only=ascii_only)
