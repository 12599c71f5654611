"""Why a field is global, or not exact: the operators that made it so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Cause:
    """The operator that made a field global, unknown or dependent on data; ``order`` counts operators run."""

    order: int
    path: str
    op: str


def earliest(causes: Iterable[Cause | None]) -> Cause | None:
    """Take the cause that ran first."""
    found = [cause for cause in causes if cause is not None]
    return min(found) if found else None


@dataclass(frozen=True, slots=True)
class Uncertainty:
    """Why a field is not exact: the first cause of each kind, or ``None``."""

    unknown: Cause | None = None
    data_dependent: Cause | None = None
    upper_bound: Cause | None = None

    @classmethod
    def of(cls, parts: Iterable[Uncertainty]) -> Uncertainty:
        """Keep the first cause of each kind."""
        found = {part for part in parts if part is not CERTAIN}
        if len(found) < 2:  # noqa: PLR2004 - one, or nothing but certainty
            return found.pop() if found else CERTAIN
        causes = ((part.unknown, part.data_dependent, part.upper_bound) for part in found)
        return cls(*map(earliest, zip(*causes, strict=True)))


CERTAIN = Uncertainty()
