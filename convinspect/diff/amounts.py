"""Counts and bytes on two sides: each exact, a lower bound or unknown, and their difference no surer than they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Bound: TypeAlias = Literal["exact", "at_least", "at_most", "unknown"]


@dataclass(frozen=True, slots=True)
class Amount:
    """A count, or bytes. ``value`` is ``None`` where nothing is known; with ``at_least`` it is a lower bound."""

    value: int | None
    at_least: bool = False

    def __add__(self, other: Amount) -> Amount:
        """Return the sum; what is not known, and is never negative, makes a lower bound of what is."""
        if self.value is None or other.value is None:
            known = self.value if other.value is None else other.value
            return Amount(known, at_least=known is not None)
        return Amount(self.value + other.value, self.at_least or other.at_least)


NOTHING = Amount(0)
UNKNOWN = Amount(None)


@dataclass(frozen=True, slots=True)
class Change:
    """One amount before and after."""

    before: Amount
    after: Amount

    def __add__(self, other: Change) -> Change:
        """Return the change of both together."""
        if other is NO_CHANGE:
            return self
        return Change(self.before + other.before, self.after + other.after)

    @property
    def value(self) -> int | None:
        """What was added (negative: taken away); ``None`` where that is not known."""
        if self.bound == "unknown" or self.before.value is None or self.after.value is None:
            return None
        return self.after.value - self.before.value

    @property
    def bound(self) -> Bound:
        """How sure ``value`` is. Two lower bounds may lie anywhere to each other: their difference is unknown."""
        if self.before.value is None or self.after.value is None or (self.before.at_least and self.after.at_least):
            return "unknown"
        if self.before.at_least:
            return "at_most"
        return "at_least" if self.after.at_least else "exact"

    @property
    def differs(self) -> bool:
        """Whether the two sides read differently; unknown on both sides is no difference."""
        return self.before != self.after

    @property
    def share(self) -> float | None:
        """What was added as a share of what was there, bounded as ``value`` is; ``None`` where there is none."""
        if self.value is None or self.before.at_least or not self.before.value:
            return None
        return self.value / self.before.value


NO_CHANGE = Change(NOTHING, NOTHING)
