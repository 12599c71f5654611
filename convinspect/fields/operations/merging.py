"""Several tensors in one operator: joined, or merged into one hull, and when one of them makes it global."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from math import prod

import numpy as np

from convinspect.fields.hulls import alignment, arrays
from convinspect.fields.hulls.arrays import Shape
from convinspect.fields.hulls.hull import Absent, Hull, Map
from convinspect.fields.operations.axis import AxisField, join_axes, nowhere
from convinspect.fields.operations.causes import Cause, Uncertainty, earliest
from convinspect.fields.operations.dimensions import Kind, Mixed, broadcast, is_mixed, joined
from convinspect.fields.operations.field import Crossed, Field, nothing
from convinspect.fields.operations.moves import raise_rank

# Elements from which on a hull of crossed operands is put off.
LARGE = 1 << 16


def merge(fields: Sequence[Field], shape: Shape, cause: Cause) -> Field:
    """Hull of tensors that are broadcast to ``shape``.

    An operand spread over positions that another one runs along (a gate) is global.
    """
    return _merged(fields, shape, cause)


def cross(fields: Sequence[Field], shape: Shape) -> Field:
    """Hull of tensors whose positions an operator pairs on purpose, as a matrix product does: none is a gate."""
    return _merged(fields, shape, None)


def are_alike(one: Field, other: Field) -> bool:
    """Tell whether two fields say the same, and as surely."""
    return one.uncertainty == other.uncertainty and _covers(one, other) and _covers(other, one)


def concatenate(fields: Sequence[Field], dim: int) -> Field:
    """Join tensors along ``dim``."""
    sizes = [field.shape[dim] for field in fields]
    shape = (*fields[0].shape[:dim], sum(sizes), *fields[0].shape[dim + 1 :])
    spatial = list(map(joined, zip(*(field.spatial for field in fields), strict=True)))
    spatial[dim] = Mixed() if is_mixed(spatial[dim]) else spatial[dim]

    def join(hulls: Sequence[Hull]) -> Hull:
        return Hull(arrays.concatenate([hull.array for hull in hulls], sizes, dim)).compacted()

    axes = tuple(
        parts[0]
        if all(part.is_nowhere for part in parts)
        else join_axes(parts, join, alignment.concatenate([part.nominal for part in parts], sizes, dim))
        for parts in zip(*(field.axes for field in fields), strict=True)
    )
    return Field(shape, tuple(spatial), axes, Uncertainty.of(field.uncertainty for field in fields))


def with_local(field: Field, local: Field, cause: Cause) -> Field:
    """Take the strict side of ``field`` and the local one of ``local``, what is left with ``cause`` set aside."""
    axes = tuple(
        AxisField(one.strict, other.local, other.nominal, earliest((one.global_op, other.global_op, cause)))
        for one, other in zip(field.axes, local.axes, strict=True)
    )
    return replace(field, held=axes, spatial=local.spatial)


def _merged(fields: Sequence[Field], shape: Shape, cause: Cause | None) -> Field:
    """Hull of ``fields``; without a ``cause`` they are crossed."""
    alive = [field for field in fields if not field.is_nothing]
    if not alive:
        return nothing(shape, len(fields[0].axes))
    if len(alive) == 1 and alive[0].shape == shape:
        return alive[0]
    crossed = any(field.parts for field in alive)
    if crossed:
        # What is added to scores of attention goes its way beside them.
        cause = None
        alive = [part for field in alive for part in field.parts or (field,)]
    aligned = [raise_rank(field, len(shape)) for field in alive]
    shapes = tuple([field.shape for field in aligned])
    spatial = broadcast(tuple([field.spatial for field in aligned]), shapes, shape)
    uncertainty = Uncertainty.of(field.uncertainty for field in aligned)
    if crossed or (cause is None and _is_large(aligned)):
        parts = tuple(replace(field, shape=shape, spatial=_own_spatial(field)) for field in _needed(aligned))
        held = Crossed(parts, lambda known: _merge_axes(known, known[0].shape, None))
        return Field(shape, spatial, held, uncertainty)
    return Field(shape, spatial, _merge_axes(aligned, shape, cause), uncertainty)


def _is_large(fields: Sequence[Field]) -> bool:
    """Tell whether the hull of ``fields`` is much larger than they are."""
    for axes in zip(*(field.axes for field in fields), strict=True):
        known = [hull.array for axis in axes for hull in (axis.strict, axis.local)]
        size = prod(map(max, zip(*(array.shape for array in known), strict=True)))
        if size > LARGE and size > 4 * sum(array.size for array in known):
            return True
    return False


def _needed(fields: Sequence[Field]) -> list[Field]:
    """Leave out every field that another one covers."""
    needed: list[Field] = []
    for field in fields:
        if not any(_covers(other, field) for other in needed):
            needed.append(field)
    return needed


def _covers(field: Field, other: Field) -> bool:
    """Tell whether ``field`` says of every element at least what ``other`` does, by hulls and maps of the same form."""
    pairs = zip(field.axes, other.axes, strict=True)
    return all(
        _hull_covers(one.strict, two.strict)
        and _hull_covers(one.local, two.local)
        and (two.nominal is one.nominal or _hull_covers(one.nominal, two.nominal))
        and two.global_op in (None, one.global_op)
        for one, two in pairs
    )


def _hull_covers(hull: Hull | Absent, other: Hull | Absent) -> bool:
    if isinstance(hull, Absent) or isinstance(other, Absent):
        return other is Absent.NOTHING
    if isinstance(hull, Map) and isinstance(other, Map):
        hull, other = hull.unwrapped(), other.unwrapped()
        if (hull.dim, hull.advance) != (other.dim, other.advance):
            return False
    return hull.array.shape == other.array.shape and bool((hull.array <= other.array).all())


def _own_spatial(field: Field) -> tuple[Kind, ...]:
    return tuple(flag if size > 1 else False for flag, size in zip(field.spatial, field.shape, strict=True))


def _merge_axes(fields: Sequence[Field], shape: Shape, cause: Cause | None) -> tuple[AxisField, ...]:
    """Merge every axis of several tensors of one rank."""
    shapes = [field.shape for field in fields]
    by_axis = zip(*(field.axes for field in fields), strict=True)
    return tuple(_merge_axis(list(zip(axes, shapes, strict=True)), shape, cause) for axes in by_axis)


def _merge_axis(parts: list[tuple[AxisField, Shape]], shape: Shape, cause: Cause | None) -> AxisField:
    parts = [(axis, own) for axis, own in parts if not axis.strict.is_nothing]
    if not parts:
        return nowhere(len(shape))
    axes = [axis.made_global(cause) if cause and _is_gate(axis, own, parts, shape) else axis for axis, own in parts]

    def hull(hulls: Sequence[Hull]) -> Hull:
        different = {id(one): one for one in hulls}.values()
        return hulls[0].of(reduce(np.minimum, [one.array for one in different])).compacted()

    return join_axes(axes, hull, reduce(alignment.merge, [axis.nominal for axis in axes]))


def _is_gate(axis: AxisField, own: Shape, parts: list[tuple[AxisField, Shape]], shape: Shape) -> bool:
    """Tell whether an operand has one value for all positions that another operand runs along."""
    others = [part.nominal for part, _ in parts if part is not axis]
    along = next((nominal.dim for nominal in (*others, axis.nominal) if isinstance(nominal, Map)), None)
    if along is None or shape[along] == 1 or axis.nominal is Absent.NOTHING:
        return False
    return own[along] == 1 or (isinstance(axis.nominal, Absent) and not axis.local.varies(along))
