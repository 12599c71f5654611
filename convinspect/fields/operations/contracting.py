"""Reductions: the hull over dimensions of one tensor, and when that takes in all positions of an axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from convinspect.fields.hulls import arrays
from convinspect.fields.hulls.arrays import Shape
from convinspect.fields.hulls.hull import Absent, Hull, Map, NoMapError
from convinspect.fields.operations.axis import AxisField
from convinspect.fields.operations.causes import Cause
from convinspect.fields.operations.dimensions import Kind
from convinspect.fields.operations.field import Field
from convinspect.fields.operations.merging import cross


def contract(
    field: Field, dims: Sequence[int], cause: Cause, *, lengths: Sequence[int] | None = None, keeps_own: bool = False
) -> Field:
    """Hull over ``dims``, which keep size 1 (or, with ``keeps_own``, their size: softmax and norms).

    Where that takes in all positions of an axis, of which there are ``lengths``, the field is global from here: locally
    nothing is left, or, with ``keeps_own``, the element itself.
    """
    gone = tuple(dims)
    if field.parts:
        return _contract_parts(field, gone, cause, lengths, keeps_own=keeps_own)
    shape = field.shape if keeps_own else tuple(1 if d in gone else n for d, n in enumerate(field.shape))
    spatial = field.spatial if keeps_own else tuple(f if d not in gone else False for d, f in enumerate(field.spatial))
    axes = tuple(
        _contract_axis(axis, field.spatial, gone, cause, length, keeps_own=keeps_own)
        for axis, length in zip(field.axes, lengths or (None,) * len(field.axes), strict=True)
    )
    return Field(shape, spatial, axes, field.uncertainty)


def accumulate(field: Field, dim: int, cause: Cause | None, *, reverse: bool = False) -> Field:
    """Hull over all positions up to each one along ``dim`` (``reverse``: from each one on).

    Along positions this is global, and locally the element itself; without a ``cause`` (time steps of a recurrent
    layer) it is not, and what is lost is the nominal map.
    """

    def change(hull: Hull) -> Hull:
        if isinstance(hull, Map):
            if hull.dim == dim or hull.varies(dim):
                raise NoMapError(Absent.CONSUMED)
            return hull
        array = np.flip(hull.array, dim + 1) if reverse else hull.array
        running = np.minimum.accumulate(array, axis=dim + 1)
        return Hull(np.flip(running, dim + 1) if reverse else running)

    axes = []
    for axis in field.axes:
        running = axis.changed(change)
        if cause is not None and field.spatial[dim] and isinstance(axis.nominal, Map):
            running = replace(axis, strict=running.strict).made_global(cause, keeps_own=True)
        axes.append(running)
    return replace(field, held=tuple(axes))


def _contract_parts(
    field: Field, dims: Shape, cause: Cause, lengths: Sequence[int] | None, *, keeps_own: bool
) -> Field:
    """Contract every part by itself; where one becomes global, the others do with it."""
    parts = [contract(part, dims, cause, lengths=lengths, keeps_own=keeps_own) for part in field.parts]
    turned = [any(axis.global_op == cause for axis in axes) for axes in zip(*(p.axes for p in parts), strict=True)]

    def shared(axis: AxisField, turns: bool) -> AxisField:  # noqa: FBT001 - mapped
        return axis.made_global(cause, keeps_own=keeps_own) if turns and not axis.strict.is_nothing else axis

    return cross([replace(part, held=tuple(map(shared, part.axes, turned))) for part in parts], parts[0].shape)


def _contract_axis(
    axis: AxisField, spatial: tuple[Kind, ...], dims: Shape, cause: Cause, length: int | None, *, keeps_own: bool
) -> AxisField:
    def change(hull: Hull) -> Hull:
        if isinstance(hull, Map) and hull.dim in dims:
            raise NoMapError(Absent.CONSUMED)
        return hull.of(arrays.reduce(hull.array, dims)).compacted()

    if axis.strict.is_nothing:
        return axis
    if _takes_all(axis, spatial, dims, length):
        return replace(axis, strict=change(axis.strict)).made_global(cause, keeps_own=keeps_own)
    return axis.changed(change)


def _takes_all(axis: AxisField, spatial: tuple[Kind, ...], dims: Shape, length: int | None) -> bool:
    """Tell whether a reduction over ``dims`` leaves no trace of where along the axis an element was.

    Where no map says so, the exact hulls do: they are constant then, over the whole of the axis. If they were before,
    the reduction must be over the whole of the positions.
    """
    positions = [dim for dim in dims if spatial[dim]]
    if not positions or axis.nominal is Absent.NOTHING:
        return False
    before = axis.local
    if isinstance(axis.nominal, Map):
        if axis.nominal.dim in dims:
            return axis.nominal.dim in positions
        if axis.nominal.advance:
            return False
        before = axis.nominal
    elif all(dim in dims for dim, flag in enumerate(spatial) if flag) and _is_one(before.array):
        return True
    if not any(before.varies(dim) for dim in positions) or not _is_one(arrays.reduce(before.array, dims)):
        return False
    return length is None or axis.strict.array.reshape(2, -1).min(axis=1).tolist() == [0, 1 - length]


def _is_one(array: arrays.Array) -> bool:
    """Tell whether every element depends on the same."""
    return arrays.compact(array).size == 2  # noqa: PLR2004 - one element: lo and hi
