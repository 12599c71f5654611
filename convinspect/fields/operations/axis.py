"""What each element of a tensor depends on along one followed axis of the input."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from convinspect.fields.hulls import arrays
from convinspect.fields.hulls.hull import Absent, Hull, Map, Nominal, map_or_reason
from convinspect.fields.operations.causes import Cause, earliest


@dataclass(frozen=True, slots=True, eq=False)
class AxisField:
    """Dependence along one followed axis of the input.

    ``strict`` is the exact hull, ``local`` the one with global operators set aside (the same object until there is
    one), ``nominal`` the unclipped map behind ``local``, ``global_op`` the first operator that made ``strict`` global.
    """

    strict: Hull
    local: Hull
    nominal: Nominal
    global_op: Cause | None = None

    @property
    def is_nowhere(self) -> bool:
        """Tell what `nowhere` gives."""
        return self is nowhere(self.strict.rank)

    def changed(self, change: Callable[[Hull], Hull]) -> AxisField:
        """Change every hull in the same way."""
        strict = change(self.strict)
        local = strict if self.local is self.strict else change(self.local)
        nominal = map_or_reason(change, self.nominal) if isinstance(self.nominal, Map) else self.nominal
        return self.of(strict, local, nominal)

    def of(self, strict: Hull, local: Hull, nominal: Nominal) -> AxisField:
        """Say other hulls: the same dependence where they are its own."""
        if strict is self.strict and local is self.local and nominal is self.nominal:
            return self
        return AxisField(strict, local, nominal, self.global_op)

    def made_global(self, cause: Cause, *, keeps_own: bool = False) -> AxisField:
        """Set what ``cause`` takes in aside: locally nothing is left, or, with ``keeps_own``, what there was before."""
        global_op = earliest((self.global_op, cause))
        if keeps_own:
            return AxisField(self.strict, self.local, self.nominal, global_op)
        return AxisField(self.strict, nowhere(self.strict.rank).strict, Absent.NOTHING, global_op)


@cache
def nowhere(rank: int) -> AxisField:
    """Dependence of a tensor of ``rank`` dimensions on nothing."""
    hull = Hull(arrays.nothing(rank))
    return AxisField(hull, hull, Absent.NOTHING)


def join_axes(parts: Sequence[AxisField], join: Callable[[Sequence[Hull]], Hull], nominal: Nominal) -> AxisField:
    """Join what several tensors depend on along one axis; ``nominal`` is the map of the result."""
    strict = join([part.strict for part in parts])
    same = all(part.local is part.strict for part in parts)
    local = strict if same else join([part.local for part in parts])
    if len(parts) == 1:
        return parts[0].of(strict, local, nominal)
    return AxisField(strict, local, nominal, earliest(part.global_op for part in parts))
