"""Operators that mix elements: merges of several tensors, and reductions; and when that makes a field global."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from convinspect.fields import alignment
from convinspect.fields import bounds as exact
from convinspect.fields.bounds import Array
from convinspect.fields.field import AxisField, Cause, Crossed, Field, Shape, first, nothing
from convinspect.fields.moves import raise_rank
from convinspect.fields.nominal import Absent, Map, Nominal

# Elements from which on a hull of crossed operands is put off.
LARGE = 1 << 16


def merge(fields: Sequence[Field], shape: Shape, cause: Cause, *, crossed: bool = False) -> Field:
    """Hull of tensors that are broadcast to ``shape``.

    An operand spread over positions that another one runs along (a gate) is global; ``crossed`` says that the operator
    pairs positions on purpose, as a matrix product does, and that this makes no gate.
    """
    alive = [field for field in fields if not field.is_nothing]
    if not alive:
        return nothing(shape, len(fields[0].axes))
    if len(alive) == 1 and alive[0].shape == shape:
        return alive[0]
    rank = len(shape)
    if crossed:
        alive = [part for field in alive for part in field.parts or (field,)]
    aligned = [raise_rank(field, rank) for field in alive]
    spatial = tuple(
        any(field.spatial[dim] and field.shape[dim] == shape[dim] for field in aligned) for dim in range(rank)
    )
    doubts = aligned[0].doubts
    for field in aligned[1:]:
        doubts = doubts.join(field.doubts)
    if crossed and _is_large(aligned):
        parts = tuple(
            replace(
                field, shape=shape, spatial=tuple(f and n > 1 for f, n in zip(field.spatial, field.shape, strict=True))
            )
            for field in aligned
        )
        return Field(shape, spatial, Crossed(parts, lambda known: _merge_axes(known, cause, crossed=True)), doubts)
    return Field(shape, spatial, _merge_axes(aligned, cause, crossed=crossed, shape=shape), doubts)


def _is_large(fields: Sequence[Field]) -> bool:
    """Tell whether the hull of ``fields`` is much larger than they are."""
    for number in range(len(fields[0].axes)):
        shapes = [side.shape for field in fields for side in (field.axes[number].strict, field.axes[number].local)]
        size = exact.numel(np.broadcast_shapes(*shapes))
        if size > LARGE and size > 4 * sum(exact.numel(shape) for shape in shapes):
            return True
    return False


def _merge_axes(
    fields: Sequence[Field], cause: Cause, *, crossed: bool, shape: Shape | None = None
) -> tuple[AxisField, ...]:
    """Merge every axis of several tensors of one rank."""
    return tuple(
        _merge_axis([(f.axes[number], f.shape) for f in fields], shape or fields[0].shape, cause, crossed=crossed)
        for number in range(len(fields[0].axes))
    )


def _merge_axis(parts: list[tuple[AxisField, Shape]], shape: Shape, cause: Cause, *, crossed: bool) -> AxisField:
    """Merge one axis of several tensors."""
    parts = [part for part in parts if not part[0].is_nothing]
    if not parts:
        none = exact.nothing(len(shape))
        return AxisField(none, none, Absent.NOTHING)
    if not crossed:
        parts = [(_gate(axis, own, parts, shape, cause), own) for axis, own in parts]
    strict = _hull([axis.strict for axis, _ in parts])
    same = all(axis.local is axis.strict for axis, _ in parts)
    local = strict if same else _hull([axis.local for axis, _ in parts])
    nominal: Nominal = parts[0][0].nominal
    gate = parts[0][0].gate
    for axis, _ in parts[1:]:
        nominal = alignment.merge(nominal, axis.nominal, shape)
        gate = first(gate, axis.gate)
    return AxisField(strict, local, nominal, gate)


def _hull(arrays: list[Array]) -> Array:
    out = arrays[0]
    for array in arrays[1:]:
        if array is not out:
            out = np.minimum(out, array)
    return exact.compact(out)


def _gate(axis: AxisField, own: Shape, parts: list[tuple[AxisField, Shape]], shape: Shape, cause: Cause) -> AxisField:
    """Set an operand aside, locally, that has one value for all positions that another operand runs along."""
    along = next((part.nominal.dim for part, _ in parts if isinstance(part.nominal, Map) and part is not axis), None)
    if along is None:
        along = axis.nominal.dim if isinstance(axis.nominal, Map) else None
    if along is None or shape[along] == 1 or axis.nominal is Absent.NOTHING:
        return axis
    spread = own[along] == 1 or (isinstance(axis.nominal, Absent) and axis.local.shape[along + 1] == 1)
    return set_aside(axis, len(shape), cause) if spread else axis


def set_aside(axis: AxisField, rank: int, cause: Cause) -> AxisField:
    """Leave the strict field as it is, and nothing of the local one."""
    return AxisField(axis.strict, exact.nothing(rank), Absent.NOTHING, first(axis.gate, cause))


def contract(field: Field, dims: Sequence[int], cause: Cause, *, keeps_own: bool = False) -> Field:
    """Hull over ``dims``, which keep size 1 (or, with ``keeps_own``, their size: softmax and norms).

    Where that takes in all positions of an axis, the field is global from here: locally nothing is left, or, with
    ``keeps_own``, the element itself.
    """
    gone = tuple(dims)
    if field.parts:
        return _contract_parts(field, gone, cause, keeps_own=keeps_own)
    shape = field.shape if keeps_own else tuple(1 if d in gone else n for d, n in enumerate(field.shape))
    spatial = field.spatial if keeps_own else tuple(f and d not in gone for d, f in enumerate(field.spatial))
    positions = tuple(dim for dim in gone if field.spatial[dim])
    whole = bool(positions) and all(dim in gone for dim, flag in enumerate(field.spatial) if flag)
    axes = tuple(_contract_axis(axis, gone, positions, cause, keeps_own=keeps_own, whole=whole) for axis in field.axes)
    return Field(shape, spatial, axes, field.doubts)


def _contract_parts(field: Field, dims: Shape, cause: Cause, *, keeps_own: bool) -> Field:
    """Contract every part by itself; where one becomes global, the others do with it."""
    parts = [contract(part, dims, cause, keeps_own=keeps_own) for part in field.parts]
    numbers = range(len(parts[0].axes))
    gated = [any(part.axes[number].gate == cause for part in parts) for number in numbers]
    shared = []
    for part in parts:
        axes = list(part.axes)
        for number in numbers:
            if gated[number] and not axes[number].is_nothing:
                axis = axes[number]
                rank = len(part.shape)
                axes[number] = (
                    replace(axis, gate=first(axis.gate, cause)) if keeps_own else set_aside(axis, rank, cause)
                )
        shared.append(replace(part, held=tuple(axes)))
    return merge(shared, shared[0].shape, cause, crossed=True)


def _contract_axis(
    axis: AxisField, dims: Shape, positions: Shape, cause: Cause, *, keeps_own: bool, whole: bool
) -> AxisField:
    if axis.is_nothing:
        return axis
    strict = exact.compact(exact.reduce(axis.strict, dims))
    nominal = axis.nominal
    if nominal is Absent.NOTHING:
        return AxisField(strict, axis.local, nominal, axis.gate)
    if positions and _takes_all(axis, dims, positions, whole=whole):
        if keeps_own:
            return AxisField(strict, axis.local, nominal, first(axis.gate, cause))
        return set_aside(AxisField(strict, strict, nominal, axis.gate), strict.ndim - 1, cause)
    local = strict if axis.local is axis.strict else exact.compact(exact.reduce(axis.local, dims))
    if isinstance(nominal, Map):
        if nominal.dim in dims:
            nominal = Absent.CONSUMED
        else:
            nominal = replace(nominal, bounds=exact.reduce(nominal.bounds, dims))
    return AxisField(strict, local, nominal, axis.gate)


def _takes_all(axis: AxisField, dims: Shape, positions: Shape, *, whole: bool) -> bool:
    """Tell whether a reduction over ``dims`` leaves no trace of where along the axis an element was.

    Where no map says so, the exact arrays do: they are constant then. If they were before, the reduction must be over
    the ``whole`` of the positions.
    """
    if isinstance(axis.nominal, Map):
        if axis.nominal.dim in dims:
            return axis.nominal.dim in positions
        if axis.nominal.advance:
            return False
        before = axis.nominal.bounds
    else:
        before = axis.local
        if whole and exact.compact(before).size == 2:  # noqa: PLR2004 - one element: lo and hi
            return True
    if all(before.shape[dim + 1] == 1 for dim in positions):
        return False
    return exact.compact(exact.reduce(before, dims)).size == 2  # noqa: PLR2004 - one element: lo and hi


def accumulate(field: Field, dim: int, cause: Cause | None, *, reverse: bool = False) -> Field:
    """Hull over all positions up to each one along ``dim`` (``reverse``: from each one on).

    Along positions this is global, and locally the element itself; without a ``cause`` (time steps of a recurrent
    layer) it is no gate, and what is lost is the nominal map.
    """
    axes = []
    for axis in field.axes:
        strict = exact.accumulate(axis.strict, dim, reverse=reverse)
        if cause is not None and field.spatial[dim] and isinstance(axis.nominal, Map):
            axes.append(AxisField(strict, axis.local, axis.nominal, first(axis.gate, cause)))
            continue
        local = strict if axis.local is axis.strict else exact.accumulate(axis.local, dim, reverse=reverse)
        nominal = Absent.CONSUMED if isinstance(axis.nominal, Map) else axis.nominal
        axes.append(AxisField(strict, local, nominal, axis.gate))
    return replace(field, held=tuple(axes))


def with_local(field: Field, local: Field, cause: Cause) -> Field:
    """Take the strict side of ``field`` and the local one of ``local``: what is left with a global gate set aside."""
    axes = tuple(
        AxisField(one.strict, other.local, other.nominal, first(one.gate, first(other.gate, cause)))
        for one, other in zip(field.axes, local.axes, strict=True)
    )
    return replace(field, held=axes, spatial=local.spatial)
