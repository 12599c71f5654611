"""Counts and bytes on two sides, exact, bounds or unknown; their difference, no surer than they are; both as text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from convinspect import units
from convinspect.render.text import Glyphs

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


_WRITERS = {
    "params": units.exact,
    "trainable_params": units.exact,
    "buffers": units.exact,
    "macs": units.count,
    "allocated_bytes": units.size,
    "weight_bytes": units.size,
    "inference_peak_bytes": units.size,
    "training_peak_bytes": units.size,
}
# What is less than this is not printed as nothing.
_LEAST_PERCENT = 0.01


def amount(name: str, value: Amount, glyphs: Glyphs) -> str:
    """Return ``value`` of the measure ``name`` as it is printed: ``1.814G``, ``>= 3``, ``?``."""
    if value.value is None:
        return "?"
    return (f"{glyphs.at_least} " if value.at_least else "") + _WRITERS[name](value.value)


def change(name: str, value: Change, glyphs: Glyphs) -> str:
    """Return what was added, with its sign: ``+73,984``; nothing where nothing was, ``?`` where it is not known."""
    if value.value is None:
        return "?"
    if value.bound == "exact" and not value.value:
        return ""
    bound = {"exact": "", "at_least": f"{glyphs.at_least} ", "at_most": f"{glyphs.at_most} "}[value.bound]
    return f"{bound}{'+' if value.value >= 0 else ''}{_WRITERS[name](value.value)}"


def told(name: str, value: Change, glyphs: Glyphs) -> tuple[str, str, str, str]:
    """Return both sides, what was added, and that as a share."""
    sides = (amount(name, side, glyphs) for side in (value.before, value.after))
    return (*sides, change(name, value, glyphs), percent(value, glyphs))  # type: ignore[return-value] # two sides


def percent(value: Change, glyphs: Glyphs) -> str:
    """Return the change as a share of what was there: ``+86.5%``; nothing where there was nothing."""
    share = value.share
    if share is None:
        return "?" if value.value is None or value.before.at_least else ""
    if value.bound == "exact" and not share:
        return ""
    bound = f"{glyphs.at_least} " if value.bound == "at_least" else ""
    return f"{bound}{'-' if share < 0 else '+'}{_share(abs(100 * share))}%"


def _share(value: float) -> str:
    if 0 < value < _LEAST_PERCENT:
        return f"<{_LEAST_PERCENT}"
    if 99.95 <= value < 100:  # noqa: PLR2004 - all but a little is not all
        return "99.9"
    return f"{value:.1f}" if value >= 1 else f"{value:.2f}"
