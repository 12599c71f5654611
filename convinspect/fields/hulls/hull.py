"""The two answers along one axis of the input: a `Hull` clipped to the real input, and a `Map` that goes on for ever.

Both are one array of bounds, and what moves elements moves both alike. A map has a law besides, which says how the
numbers go on along one dimension of the tensor: so fields by phase (after upsampling) are exact in whole numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np

from convinspect.fields.hulls import arrays
from convinspect.fields.hulls.arrays import BIG, EMPTY_FROM, Array

LARGEST_PERIOD = 1 << 14


class Absent(Enum):
    """Why there is no map."""

    NOTHING = "the tensor depends on nothing, or only through global operators"
    CONSUMED = "the axis was flattened, selected or contracted away"
    MISALIGNED = "paths with unequal strides or offsets were merged"


class NoMapError(Exception):
    """A map has no equal after an operator; ``why`` says it. Exact hulls never raise it."""

    def __init__(self, why: Absent) -> None:
        super().__init__(why.value)
        self.why = why


@dataclass(frozen=True, slots=True, eq=False)
class Hull:
    """First and last input index that each element depends on; ``array`` as in `arrays`."""

    array: Array

    @property
    def rank(self) -> int:
        """How many dimensions the tensor has."""
        return self.array.ndim - 1

    @property
    def is_nothing(self) -> bool:
        """Tell whether no element depends on anything."""
        return self.array.size == 2 and bool(self.array.item(0) >= EMPTY_FROM)  # noqa: PLR2004 - one element: lo and hi

    def varies(self, dim: int) -> bool:
        """Tell whether anything changes along ``dim``."""
        return bool(self.array.shape[dim + 1] > 1)

    def of(self, array: Array) -> Hull:
        """Say ``array`` of the elements: the same hull where it is its own."""
        return self if array is self.array else Hull(array)

    def rearranged(self, order: Sequence[int | None]) -> Hull:
        """Put the dimensions into ``order``, as in `arrays.rearrange`."""
        return Hull(arrays.rearrange(self.array, order))

    def compacted(self) -> Hull:
        """Shrink every dimension along which nothing changes."""
        return self.of(arrays.compact(self.array))


@dataclass(frozen=True, slots=True, eq=False)
class Map(Hull):
    """A hull of a tensor that goes on for ever along ``dim``, where the size of its array is the period.

    With period ``m`` the element at position ``m*q + f`` depends on ``advance*q + [lo[f], hi[f]]``. The other
    dimensions are the tensor's own (size 1 wherever constant). Where positions along ``dim`` run through the axis more
    than once (the columns of a flattened image) they start over after ``wraps`` (0: never), or, where that is written
    out phase by phase, ``advance`` is 0.
    """

    dim: int
    advance: int
    wraps: int = 0

    @property
    def period(self) -> int:
        """How many phases there are."""
        return int(self.array.shape[self.dim + 1])

    def of(self, array: Array) -> Map:
        """Say ``array`` of the elements, by the same law."""
        return self if array is self.array else Map(array, self.dim, self.advance, self.wraps)

    def rearranged(self, order: Sequence[int | None]) -> Map:
        """Put the dimensions into ``order``; a map along one that is left out has no axis left."""
        if self.dim not in order:
            raise NoMapError(Absent.CONSUMED)
        return Map(arrays.rearrange(self.array, order), order.index(self.dim), self.advance, self.wraps)

    def compacted(self) -> Map:
        """Leave a map as it is: its size is its period."""
        return self

    def at(self, positions: Array) -> Array:
        """Bounds at ``positions`` of the map's dimension, inside the tensor or not."""
        axis, period = self.dim + 1, self.period
        if self.wraps:
            positions = positions % self.wraps
        shift = positions // period * self.advance
        taken = np.take(self.array, positions % period, axis=axis)
        shift = shift.reshape((-1,) + (1,) * (self.array.ndim - axis - 1))
        return _shifted(taken, shift, shift)

    def upto(self, length: int) -> Array:
        """Bounds at the positions before ``length``."""
        if length == self.period and not 0 < self.wraps < length:
            return self.array
        return self.at(np.arange(length, dtype=np.int64))

    def widened(self, first: int, last: int) -> Array:
        """Bounds of all that lies between the positions ``first`` and ``last``, as seen from each one."""
        before, after = sorted((first * self.advance, last * self.advance))
        return _shifted(self.array.copy(), before, after)

    def simplified(self) -> Map:
        """Take the smallest period that says the same."""
        whole = self.period
        if whole == 1:
            return self
        line = self.array[(0,) * (self.dim + 1) + (slice(None),) + (0,) * (self.rank - self.dim - 1)]

        def phases(start: int, stop: int) -> Array:
            return self.array[(slice(None),) * (self.dim + 1) + (slice(start, stop),)]

        for period, advance in _shorter(whole, self.advance):
            # Mostly one pair of numbers tells already.
            for at in (0, whole // 2 - period, whole - 1 - period):
                if not _steps(line.item(at), line.item(at + period), advance):
                    break
            else:
                if (_shifted(phases(0, whole - period).copy(), advance, advance) == phases(period, whole)).all():
                    return Map(phases(0, period), self.dim, advance, self.wraps)
        return self

    def stretched(self, period: int) -> Map:
        """Say the same with a longer ``period``, a multiple of the map's own."""
        if period == self.period:
            return self
        return Map(self.upto(period), self.dim, self.advance * period // self.period, self.wraps)

    def unwrapped(self) -> Map:
        """Write a map that wraps out to one phase a position, after which it repeats."""
        return self.written_out(self.wraps) if self.wraps else self

    def written_out(self, length: int) -> Map:
        """Give every one of ``length`` positions a phase of its own, so that none advances."""
        return Map(self.upto(length), self.dim, 0)

    def rebased(self) -> Map:
        """Move a map that does not change along its dimension to the one along which it advances evenly."""
        if self.advance or self.period > 1 or self.wraps:
            return self
        array = arrays.compact(self.array)
        varying = [axis for axis in range(1, array.ndim) if array.shape[axis] > 1]
        values = array.reshape(2, -1)
        if len(varying) != 1 or (values >= EMPTY_FROM).any():
            return self
        length, first = values.shape[1], values[0].tolist()
        for period in range(1, length // 2 + 1 if length > 2 else 2):  # noqa: PLR2004 - two points make a line
            if first[period] - first[0] != first[-1] - first[-1 - period]:
                continue
            steps = values[:, period:] - values[:, :-period]
            if (steps[0] == steps[0, 0]).all() and (steps[1] == -steps[0, 0]).all():
                return Map(np.take(array, np.arange(period), axis=varying[0]), varying[0] - 1, int(steps[0, 0]))
        return self


Nominal: TypeAlias = Map | Absent


def map_or_reason(make: Callable[..., Hull], *args: Any) -> Nominal:
    """Return the map that ``make(*args)`` returns, or why there is none."""
    try:
        made = make(*args)
    except NoMapError as error:
        return error.why
    return made if isinstance(made, Map) else Absent.MISALIGNED


@lru_cache(maxsize=1024)
def _shorter(whole: int, advance: int) -> tuple[tuple[int, int], ...]:
    """Return the shorter periods, with their advances, that may say the same as the period ``whole``."""
    divisors = [period for period in range(1, whole // 2 + 1) if whole % period == 0]
    return tuple((period, advance * period // whole) for period in divisors if advance * period % whole == 0)


def _steps(first: int, second: int, advance: int) -> bool:
    """Tell whether ``second`` is ``first`` moved on; of what depends on nothing it is the same."""
    return second == (first if first >= EMPTY_FROM else first + advance)


def _shifted(array: Array, first: Array | int, last: Array | int) -> Array:
    """Move both bounds of ``array``, in place; every element that depends on nothing keeps the same `BIG`."""
    empty = array[0] >= EMPTY_FROM if array.max() >= EMPTY_FROM else None
    array[0] += first
    array[1] -= last
    if empty is not None:
        array[:, empty] = BIG
    return array
