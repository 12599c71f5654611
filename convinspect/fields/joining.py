"""Tensors joined along a dimension."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from convinspect.fields import alignment
from convinspect.fields import bounds as exact
from convinspect.fields import nominal as maps
from convinspect.fields.bounds import BIG, Array
from convinspect.fields.field import AxisField, Field, first
from convinspect.fields.nominal import LARGEST_PERIOD, Absent, Map, Nominal
from convinspect.fields.windows import make_window


def concatenate(fields: Sequence[Field], dim: int) -> Field:
    """Join tensors along ``dim``."""
    shape = list(fields[0].shape)
    sizes = [field.shape[dim] for field in fields]
    shape[dim] = sum(sizes)
    spatial = tuple(any(field.spatial[d] for field in fields) for d in range(len(shape)))
    doubts = fields[0].doubts
    for field in fields[1:]:
        doubts = doubts.join(field.doubts)
    axes = tuple(
        _join_axis([field.axes[number] for field in fields], sizes, dim) for number in range(len(fields[0].axes))
    )
    return Field(tuple(shape), spatial, axes, doubts)


def _join_axis(parts: list[AxisField], sizes: list[int], dim: int) -> AxisField:
    strict = exact.concatenate([part.strict for part in parts], sizes, dim)
    same = all(part.local is part.strict for part in parts)
    local = strict if same else exact.concatenate([part.local for part in parts], sizes, dim)
    gate = parts[0].gate
    for part in parts[1:]:
        gate = first(gate, part.gate)
    return AxisField(strict, local, _join_maps([part.nominal for part in parts], sizes, dim), gate)


def _join_maps(parts: list[Nominal], sizes: list[int], dim: int) -> Nominal:
    """Join maps: along channels side by side, along positions as that of the part that is most of the result."""
    found = [part for part in parts if isinstance(part, Map)]
    if any(part is Absent.MISALIGNED for part in parts):
        return Absent.MISALIGNED
    if not found:
        return Absent.CONSUMED if Absent.CONSUMED in parts else Absent.NOTHING
    if any(part.dim == dim for part in found):
        return _extend(parts, sizes, dim)
    if Absent.CONSUMED in parts or any(part.dim != found[0].dim for part in found):
        return Absent.MISALIGNED
    return _beside(parts, sizes, dim, found[0])


def _extend(parts: list[Nominal], sizes: list[int], dim: int) -> Nominal:
    """Take the longest part as the rule and the others as its border, as in padding or a class token."""
    largest = max(range(len(parts)), key=lambda number: sizes[number])
    main = parts[largest]
    others = [size for number, size in enumerate(sizes) if number != largest and parts[number] is not Absent.NOTHING]
    if not isinstance(main, Map) or main.dim != dim or sum(others) >= sizes[largest]:
        return Absent.MISALIGNED
    before = sum(sizes[:largest])
    taps = np.array([[-before]], dtype=np.int64)
    return maps.slide(main, dim, make_window(np.full((1, 1), -1, dtype=np.int64), sum(sizes), 1, taps), positions=True)


def _beside(parts: list[Nominal], sizes: list[int], dim: int, model: Map) -> Nominal:
    """Put the maps of channel groups side by side."""
    if any(isinstance(part, Map) and part.wraps != model.wraps for part in parts):
        return Absent.MISALIGNED
    period, advance = model.period, model.advance
    for part in parts:
        if isinstance(part, Map):
            pair = alignment.common_period(Map(part.dim, advance, _blank(model, period), model.wraps), part)
            if pair is None:
                return Absent.MISALIGNED
            period, advance = pair[0].period, pair[0].advance
    if period > LARGEST_PERIOD:
        return Absent.MISALIGNED
    arrays: list[Array] = []
    for part in parts:
        stretched = maps.stretch(part, period).bounds if isinstance(part, Map) else _blank(model, period)
        arrays.append(stretched)
    model_array = arrays[0]
    alike = all(array.shape == model_array.shape and (array == model_array).all() for array in arrays)
    if alike and model_array.shape[dim + 1] == 1:
        return maps.simplify(Map(model.dim, advance, model_array, model.wraps))
    axes = [d for d in range(model_array.ndim) if d != dim + 1]
    common = np.broadcast_shapes(*(tuple(array.shape[d] for d in axes) for array in arrays))
    spread = []
    for array, size in zip(arrays, sizes, strict=True):
        shape = list(common)
        shape.insert(dim + 1, size)
        spread.append(np.broadcast_to(array, shape))
    return maps.simplify(Map(model.dim, advance, np.concatenate(spread, axis=dim + 1), model.wraps))


def _blank(model: Map, period: int) -> Array:
    """Bounds of channels that depend on nothing."""
    shape = [2] + [1] * (model.bounds.ndim - 1)
    shape[model.dim + 1] = period
    return np.full(shape, BIG, dtype=np.int64)
