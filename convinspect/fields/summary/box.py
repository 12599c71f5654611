"""The input box of one unit: the hull over its channels."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from convinspect.fields.hulls.arrays import EMPTY_FROM, Array, lowest
from convinspect.fields.hulls.hull import Absent, Hull
from convinspect.fields.operations.axis import AxisField, join_axes
from convinspect.fields.operations.dimensions import is_mixed
from convinspect.fields.operations.field import Field
from convinspect.records import Interval

# Which unit: a position for each dimension.
Place = dict[int, int]


def middle(field: Field) -> Place:
    """Take the unit at index ``n // 2`` of every spatial dimension."""
    return {dim: field.shape[dim] // 2 for dim, flag in enumerate(field.spatial) if flag}


def most_seeing(field: Field) -> Place:
    """Take the middle of every spatial dimension, and of what is merged with others the place that sees most."""
    place = middle(field)
    mixed = [dim for dim, kind in enumerate(field.spatial) if is_mixed(kind)]
    if not mixed:
        return place
    if field.parts:
        return place | {dim: field.shape[dim] // 2 for dim in mixed}
    others = tuple(dim + 1 for dim in range(field.rank) if dim not in mixed)
    seen = np.ones((1,) * field.rank, dtype=np.int64)
    for axis in field.axes:
        lo, minus_hi = _at(axis.strict.array, place).min(axis=others, keepdims=True)
        seen = seen * np.where(lo < EMPTY_FROM, -minus_hi - lo + 1, 0)
    best = np.unravel_index(int(seen.argmax()), seen.shape)
    return place | {dim: int(best[dim]) for dim in mixed}


def interval(hull: Hull, unit: Place) -> Interval | None:
    """First and last input index that one unit depends on; ``None``: on none."""
    lo, minus_hi = lowest(_at(hull.array, unit))
    return (lo, -minus_hi) if lo < EMPTY_FROM else None


def one_unit(field: Field, unit: Place) -> Field:
    """Hull of one unit's parts, without writing out those of all others.

    These are attention scores: a pair of positions has no place along the axis, and so no nominal numbers.
    """
    if not field.parts:
        return field

    def join(hulls: Iterable[Hull]) -> Hull:
        bounds = np.min([lowest(_at(hull.array, unit)) for hull in hulls], axis=0)
        return Hull(bounds.reshape((2,) + (1,) * field.rank))

    by_axis: Iterable[tuple[AxisField, ...]] = zip(*(part.axes for part in field.parts), strict=True)
    axes = tuple(join_axes(parts, join, Absent.CONSUMED) for parts in by_axis)
    return Field(field.shape, field.spatial, axes, field.uncertainty)


def cells(box: Iterable[Interval | None]) -> int:
    """How many positions a box has."""
    return math.prod(side[1] - side[0] + 1 if side else 0 for side in box)


def _at(array: Array, unit: Place) -> Array:
    if array.size == 2:  # noqa: PLR2004 - one element: lo and hi
        return array
    where = [slice(None)] * array.ndim
    for dim, position in unit.items():
        if array.shape[dim + 1] > 1:
            where[dim + 1] = slice(position, position + 1)
    return array[tuple(where)]
