"""What is said of a field along one axis of the input."""

from __future__ import annotations

from dataclasses import dataclass

from convinspect.fields.operations.causes import Cause, Uncertainty, earliest
from convinspect.fields.summary.numbers import NO_NUMBERS, Numbers
from convinspect.records import FieldStatus, Interval


@dataclass(frozen=True, slots=True)
class AxisReport:
    """A field along one axis: ``numbers`` of the nominal map, the intervals that one unit sees, and why all is seen.

    ``near`` is the interval with global operators set aside; ``length`` the axis's own.
    """

    numbers: Numbers
    center: Interval | None
    near: Interval | None
    length: int
    aligned: bool
    global_op: Cause | None
    uncertainty: Uncertainty

    @property
    def own_numbers(self) -> Numbers:
        """The nominal numbers; where the field is global or unknown it has none of its own."""
        return NO_NUMBERS if self.global_op or self.uncertainty.unknown else self.numbers

    @property
    def coverage(self) -> float:
        """Which share of the axis the unit sees."""
        return (self.center[1] - self.center[0] + 1) / self.length if self.center else 0.0

    @property
    def via(self) -> Cause | None:
        """What made the field global, unknown or dependent on data."""
        return self.uncertainty.unknown or earliest((self.uncertainty.data_dependent, self.global_op))

    @property
    def status(self) -> FieldStatus:
        """How sure the field is; a bound that came after all that is global does not count."""
        if self.uncertainty.unknown:
            return "unknown"
        if self.uncertainty.data_dependent:
            return "data_dependent"
        bound = self.uncertainty.upper_bound
        if self.global_op:
            return "upper_bound" if bound and bound <= self.global_op else "global"
        return "upper_bound" if bound else "exact"
