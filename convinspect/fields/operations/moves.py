"""Operators that move elements: dimensions in another order, new ones, and reshapes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from convinspect.fields.hulls import arrays, regrouping
from convinspect.fields.hulls.arrays import Shape
from convinspect.fields.hulls.hull import Absent, Hull, Map, NoMapError
from convinspect.fields.operations.field import Field, empty


def rearrange(field: Field, order: Sequence[int | None]) -> Field:
    """Put the dimensions into ``order``; ``None`` is a new one of size 1, and what is left out has size 1 and goes."""
    shape = tuple(1 if dim is None else field.shape[dim] for dim in order)
    spatial = tuple(dim is not None and field.spatial[dim] for dim in order)
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
        return replace(hull, array=array).compacted()

    return field.changed((*field.shape[:dim], outputs, *field.shape[dim + 1 :]), field.spatial, change)


def widen(field: Field, dim: int, size: int) -> Field:
    """Repeat a dimension of size 1."""
    return replace(field, shape=(*field.shape[:dim], size, *field.shape[dim + 1 :]))


def broadcast(field: Field, shape: Shape) -> Field:
    """Repeat dimensions of size 1 until the tensor has ``shape``."""
    return field if field.shape == shape else replace(raise_rank(field, len(shape)), shape=shape)


def reshape(field: Field, shape: Shape) -> Field:
    """Keep the same elements in the same order, under other dimensions."""
    if shape == field.shape:
        return field
    if 0 in shape:
        return empty(field, shape)
    if field.parts:
        return field.across(lambda part: reshape(part, shape))
    spatial = _reshaped_spatial(field, shape)

    def change(hull: Hull) -> Hull:
        if isinstance(hull, Map) and field.shape[hull.dim] > 1:
            _, outer = regrouping.group_of(hull.dim, field.shape, shape)
            if outer and not any(spatial[dim] for dim in outer):
                raise NoMapError(Absent.CONSUMED)
        return regrouping.reshape(hull, field.shape, shape)

    return field.changed(shape, spatial, change)


def _reshaped_spatial(field: Field, shape: Shape) -> tuple[bool, ...]:
    """Which dimensions of ``shape`` positions still run along.

    Positions merged with positions (or below the batch) stay positions. Merged with channels they do not, unless one
    dimension of positions takes channels in as its last digit, as a pixel shuffle does, or a batch of windows with
    their heads.
    """
    spatial = [False] * len(shape)
    along = [axis.nominal.dim for axis in field.axes if isinstance(axis.nominal, Map)]
    for inner, outer in arrays.reshape_groups(field.shape, shape):
        real = [dim for dim in inner if field.shape[dim] > 1]
        if not any(field.spatial[dim] for dim in real):
            # A position axis of length 1 is still one.
            flag = any(field.spatial[dim] for dim in inner) and not real
        elif all(field.spatial[dim] for dim in real if dim > 0):
            flag = True
        else:
            deep = len(shape) > 2  # noqa: PLR2004 - batch and features
            flag = deep and real[0] in along and not any(field.spatial[dim] for dim in real[1:])
        for dim in outer:
            spatial[dim] = flag
    return tuple(spatial)
