"""The two answers along one axis of the input: a `Hull` clipped to the real input, and a `Map` that goes on for ever.

Both are one array of bounds, and what moves elements moves both alike. A map has a law besides, which says how the
numbers go on along one dimension of the tensor: so fields by phase (after upsampling) are exact in whole numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
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

    def rearranged(self, order: Sequence[int | None]) -> Hull:
        """Put the dimensions into ``order``, as in `arrays.rearrange`."""
        return Hull(arrays.rearrange(self.array, order))

    def compacted(self) -> Hull:
        """Shrink every dimension along which nothing changes."""
        return Hull(arrays.compact(self.array))


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

    def rearranged(self, order: Sequence[int | None]) -> Map:
        """Put the dimensions into ``order``; a map along one that is left out has no axis left."""
        if self.dim not in order:
            raise NoMapError(Absent.CONSUMED)
        return replace(self, dim=order.index(self.dim), array=arrays.rearrange(self.array, order))

    def compacted(self) -> Map:
        """Leave a map as it is: its size is its period."""
        return self

    def at(self, positions: Array) -> Array:
        """Bounds at ``positions`` of the map's dimension, inside the tensor or not."""
        axis, period = self.dim + 1, self.period
        if self.wraps:
            positions = positions % self.wraps
        shape = [1] * self.array.ndim
        shape[axis] = len(positions)
        shift = (positions // period * self.advance).reshape(shape[1:])
        return _tidy(np.take(self.array, positions % period, axis=axis) + np.stack((shift, -shift)))

    def simplified(self) -> Map:
        """Take the smallest period that says the same."""
        whole = self.period
        if whole == 1:
            return self
        sign = np.array((1, -1), dtype=np.int64).reshape((2,) + (1,) * self.rank)

        def phases(start: int, stop: int) -> Array:
            return self.array[(slice(None),) * (self.dim + 1) + (slice(start, stop),)]

        for period in range(1, whole // 2 + 1):
            if whole % period or self.advance * period % whole:
                continue
            advance = self.advance * period // whole
            moved = _tidy(phases(0, whole - period) + sign * advance)
            if (moved == phases(period, whole)).all():
                return replace(self, advance=advance, array=phases(0, period))
        return self

    def stretched(self, period: int) -> Map:
        """Say the same with a longer ``period``, a multiple of the map's own."""
        if period == self.period:
            return self
        advance = self.advance * period // self.period
        return replace(self, advance=advance, array=self.at(np.arange(period, dtype=np.int64)))

    def unwrapped(self) -> Map:
        """Write a map that wraps out to one phase a position, after which it repeats."""
        return self.written_out(self.wraps) if self.wraps else self

    def written_out(self, length: int) -> Map:
        """Give every one of ``length`` positions a phase of its own, so that none advances."""
        return Map(self.at(np.arange(length, dtype=np.int64)), self.dim, 0)

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


def _tidy(array: Array) -> Array:
    """Give every element that depends on nothing the same `BIG`."""
    return np.where(array >= EMPTY_FROM, BIG, array) if array.max() >= EMPTY_FROM else array
