"""Reshapes: the same elements in the same order, under other dimensions."""

from __future__ import annotations

from convinspect.fields import bounds as exact
from convinspect.fields import regroup
from convinspect.fields.bounds import numel
from convinspect.fields.field import Field, Shape, empty
from convinspect.fields.moves import move
from convinspect.fields.nominal import Absent, Map, Nominal


def reshape(field: Field, shape: Shape) -> Field:
    """Reshape; what was constant stays compact, and maps follow as `regroup.reshape` says."""
    if shape == field.shape:
        return field
    if numel(shape) == 0:
        return empty(field, shape)
    if field.parts:
        return field.across(lambda part: reshape(part, shape))
    spatial = _reshaped_spatial(field, shape)

    def nominal(old: Nominal) -> Nominal:
        if isinstance(old, Absent):
            return old
        outer = next(group[1] for group in exact.reshape_groups(field.shape, shape) if old.dim in group[0])
        if field.shape[old.dim] > 1 and outer and not any(spatial[dim] for dim in outer):
            return Absent.CONSUMED
        return regroup.reshape(old, field.shape, shape)

    return move(field, shape, spatial, lambda bounds: exact.reshape(bounds, field.shape, shape), nominal)


def _reshaped_spatial(field: Field, shape: Shape) -> tuple[bool, ...]:
    """Which dimensions of ``shape`` positions still run along.

    Positions merged with positions (or below the batch) stay positions. Merged with channels they do not, unless one
    dimension of positions takes channels in as its last digit, as a pixel shuffle does, or a batch of windows with
    their heads.
    """
    spatial = [False] * len(shape)
    along = [axis.nominal.dim for axis in field.axes if isinstance(axis.nominal, Map)]
    for inner, outer in exact.reshape_groups(field.shape, shape):
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
