"""What a report says of one number: exactly, or between which bounds."""

from __future__ import annotations

import math
from dataclasses import dataclass

# The value of a receptive field that no input is too large for.
EVERYTHING = math.inf


@dataclass(frozen=True, slots=True)
class Reading:
    """A value between ``low`` and ``high``: equal where it is exact, ``high`` infinite where nothing bounds it.

    ``why`` says what keeps it from being exact, or what it is where a number does not tell.
    """

    low: float
    high: float
    why: str | None = None

    @classmethod
    def exactly(cls, value: float, why: str | None = None) -> Reading:
        """Return the reading of a value that is known."""
        return cls(value, value, why)

    @classmethod
    def at_least(cls, value: float, why: str) -> Reading:
        """Return the reading of a value that may be larger; of 0 nothing is known."""
        return cls(value, math.inf, why)

    @classmethod
    def unknown(cls, why: str) -> Reading:
        """Return the reading of a value of which nothing is known."""
        return cls(0, math.inf, why)

    @property
    def is_exact(self) -> bool:
        """Whether both bounds are one."""
        return self.low == self.high

    @property
    def is_unknown(self) -> bool:
        """Whether the bounds exclude nothing."""
        return self.low == 0 and self.high == math.inf

    def times(self, factor: int) -> Reading:
        """Return ``factor`` times this value."""
        return Reading(self.low * factor, self.high * factor, self.why)
