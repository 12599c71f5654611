"""Operators that move elements: dimensions in another order, new ones, and reshapes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from convinspect.fields.hulls import regrouping
from convinspect.fields.hulls.arrays import Shape, group_of
from convinspect.fields.hulls.hull import Absent, Hull, Map, NoMapError
from convinspect.fields.operations.dimensions import has_units, regrouped
from convinspect.fields.operations.field import Field, empty


def rearrange(field: Field, order: Sequence[int | None]) -> Field:
    """Put the dimensions into ``order``; ``None`` is a new one of size 1, and what is left out has size 1 and goes."""
    shape = tuple(1 if dim is None else field.shape[dim] for dim in order)
    spatial = tuple(False if dim is None else field.spatial[dim] for dim in order)
    return field.changed(shape, spatial, lambda hull: hull.rearranged(order))


def permute(field: Field, dims: Sequence[int]) -> Field:
    """Reorder the dimensions."""
    return field.across(lambda part: rearrange(part, dims))


def drop(field: Field, dims: Sequence[int]) -> Field:
    """Drop dimensions of size 1; a map that ran along one of them has no axis left."""
    return rearrange(field, [dim for dim in range(field.rank) if dim not in dims])


def insert(field: Field, dim: int) -> Field:
    """Put a dimension of size 1 at ``dim``."""
    return rearrange(field, (*range(dim), None, *range(dim, field.rank)))


def raise_rank(field: Field, rank: int) -> Field:
    """Put dimensions of size 1 in front until there are ``rank``, as broadcasting does."""
    missing = rank - field.rank
    return rearrange(field, (*(None,) * missing, *range(field.rank))) if missing > 0 else field


def repeat_channels(field: Field, dim: int, groups: int, outputs: int) -> Field:
    """Mix the channels at ``dim`` within each of ``groups``, into ``outputs`` channels."""

    def change(hull: Hull) -> Hull:
        if isinstance(hull, Map) and hull.dim == dim:
            raise NoMapError(Absent.MISALIGNED)
        array, axis, size = hull.array, dim + 1, hull.array.shape[dim + 1]
        if groups < size:
            array = array.reshape((*array.shape[:axis], groups, size // groups, *array.shape[axis + 1 :]))
            array = array.min(axis=axis + 1)
        if size > 1 and groups < outputs:
            array = np.repeat(array, outputs // groups, axis=axis)
        return hull.of(array).compacted()

    spatial = (*field.spatial[:dim], False, *field.spatial[dim + 1 :])
    return field.changed((*field.shape[:dim], outputs, *field.shape[dim + 1 :]), spatial, change)


def widen(field: Field, dim: int, size: int) -> Field:
    """Repeat a dimension of size 1."""
    return field.repeated((*field.shape[:dim], size, *field.shape[dim + 1 :]))


def broadcast(field: Field, shape: Shape) -> Field:
    """Repeat dimensions of size 1 until the tensor has ``shape``."""
    return field if field.shape == shape else raise_rank(field, len(shape)).repeated(shape)


def reshape(field: Field, shape: Shape) -> Field:
    """Keep the same elements in the same order, under other dimensions."""
    if shape == field.shape:
        return field
    if 0 in shape:
        return empty(field, shape)
    if field.parts:
        return field.across(lambda part: reshape(part, shape))
    along = tuple([axis.nominal.dim for axis in field.axes if isinstance(axis.nominal, Map)])
    spatial = regrouped(field.spatial, field.shape, shape, along)

    def change(hull: Hull) -> Hull:
        if not isinstance(hull, Map) or field.shape[hull.dim] == 1:
            return regrouping.reshape(hull, field.shape, shape)
        kinds = [spatial[dim] for dim in group_of(hull.dim, field.shape, shape)[1]]
        try:
            if not kinds or any(map(has_units, kinds)):
                return regrouping.reshape(hull, field.shape, shape)
        except NoMapError:
            if any(kinds):
                raise
        # No positions are left that a map could run along.
        raise NoMapError(Absent.CONSUMED)

    return field.changed(shape, spatial, change)
