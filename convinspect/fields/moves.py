"""Operators that move elements or read windows of them: each is one function from field to field."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from convinspect.fields import bounds as exact
from convinspect.fields import nominal as maps
from convinspect.fields.bounds import Array
from convinspect.fields.field import AxisField, Field, Shape
from convinspect.fields.nominal import Absent, Nominal


def move(
    field: Field,
    shape: Shape,
    spatial: tuple[bool, ...],
    array: Callable[[Array], Array],
    nominal: Callable[[Nominal], Nominal],
) -> Field:
    """Apply one function to the exact arrays of every axis and one to its map."""
    axes = []
    for axis in field.axes:
        strict = array(axis.strict)
        local = strict if axis.local is axis.strict else array(axis.local)
        axes.append(AxisField(strict, local, nominal(axis.nominal), axis.gate))
    return Field(shape, spatial, tuple(axes), field.doubts)


def permute(field: Field, dims: Sequence[int]) -> Field:
    """Reorder the dimensions."""
    order = tuple(dims)
    if field.parts:
        return field.across(lambda part: permute(part, order))
    return move(
        field,
        tuple(field.shape[dim] for dim in order),
        tuple(field.spatial[dim] for dim in order),
        lambda bounds: exact.permute(bounds, order),
        lambda nominal: maps.reorder(nominal, order),
    )


def drop(field: Field, dims: Sequence[int]) -> Field:
    """Drop dimensions of size 1; a map that ran along one of them has no axis left."""
    gone = set(dims)
    keep = tuple(dim for dim in range(len(field.shape)) if dim not in gone)

    def array(bounds: Array) -> Array:
        return bounds.reshape((2, *(bounds.shape[dim + 1] for dim in keep)))

    def nominal(old: Nominal) -> Nominal:
        if isinstance(old, Absent):
            return old
        if old.dim in gone:
            return Absent.CONSUMED
        return replace(old, dim=keep.index(old.dim), bounds=array(old.bounds))

    return move(
        field,
        tuple(field.shape[dim] for dim in keep),
        tuple(field.spatial[dim] for dim in keep),
        array,
        nominal,
    )


def insert(field: Field, dim: int) -> Field:
    """Put a dimension of size 1 at ``dim``."""

    def array(bounds: Array) -> Array:
        return bounds.reshape((*bounds.shape[: dim + 1], 1, *bounds.shape[dim + 1 :]))

    def nominal(old: Nominal) -> Nominal:
        if isinstance(old, Absent):
            return old
        return replace(old, dim=old.dim + (old.dim >= dim), bounds=array(old.bounds))

    return move(
        field,
        (*field.shape[:dim], 1, *field.shape[dim:]),
        (*field.spatial[:dim], False, *field.spatial[dim:]),
        array,
        nominal,
    )


def raise_rank(field: Field, rank: int) -> Field:
    """Put dimensions of size 1 in front until there are ``rank``, as broadcasting does."""
    missing = rank - len(field.shape)
    if missing <= 0:
        return field
    return move(
        field,
        (1,) * missing + field.shape,
        (False,) * missing + field.spatial,
        lambda bounds: exact.align(bounds, rank),
        lambda nominal: maps.raise_rank(nominal, rank),
    )


def repeat_channels(field: Field, dim: int, groups: int, outputs: int) -> Field:
    """Mix the channels at ``dim`` within each of ``groups``, into ``outputs`` channels."""
    shape = (*field.shape[:dim], outputs, *field.shape[dim + 1 :])

    def nominal(old: Nominal) -> Nominal:
        if isinstance(old, Absent):
            return old
        if old.dim == dim:
            return Absent.MISALIGNED
        return replace(old, bounds=exact.split_groups(old.bounds, dim, groups, outputs))

    return move(
        field,
        shape,
        field.spatial,
        lambda bounds: exact.compact(exact.split_groups(bounds, dim, groups, outputs)),
        nominal,
    )


def widen(field: Field, dim: int, size: int) -> Field:
    """Repeat a dimension of size 1."""
    return replace(field, shape=(*field.shape[:dim], size, *field.shape[dim + 1 :]))


def broadcast(field: Field, shape: Shape) -> Field:
    """Repeat dimensions of size 1 until the tensor has ``shape``."""
    return field if field.shape == shape else replace(raise_rank(field, len(shape)), shape=shape)
