"""Tensors joined along a dimension."""

from __future__ import annotations

from collections.abc import Sequence

from convinspect.fields.hulls import alignment, arrays
from convinspect.fields.hulls.hull import Hull
from convinspect.fields.operations.field import Field, Uncertainty, join_axes


def concatenate(fields: Sequence[Field], dim: int) -> Field:
    """Join tensors along ``dim``."""
    sizes = [field.shape[dim] for field in fields]
    shape = (*fields[0].shape[:dim], sum(sizes), *fields[0].shape[dim + 1 :])
    spatial = tuple(any(flags) for flags in zip(*(field.spatial for field in fields), strict=True))

    def join(hulls: Sequence[Hull]) -> Hull:
        return Hull(arrays.concatenate([hull.array for hull in hulls], sizes, dim)).compacted()

    axes = tuple(
        join_axes(parts, join, alignment.concatenate([part.nominal for part in parts], sizes, dim))
        for parts in zip(*(field.axes for field in fields), strict=True)
    )
    return Field(shape, spatial, axes, Uncertainty.of(field.uncertainty for field in fields))
