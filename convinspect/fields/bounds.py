"""Exact index hulls as one integer array, and the primitives that every operator is made of.

A *bounds* array has the shape ``(2, *tensor.shape)`` with size 1 wherever it is constant: ``[0]`` holds the first
input index that an element depends on, ``[1]`` minus the last one. So the hull of two fields is one minimum, and a
field that depends on nothing is `BIG` in both.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[np.int64]
Group: TypeAlias = tuple[tuple[int, ...], tuple[int, ...]]

BIG = 1 << 40
EMPTY_FROM = 1 << 39  # sums of BIG and real indices stay above, real indices below


def ramp(rank: int, dim: int, length: int) -> Array:
    """Bounds of an input along ``dim``: element ``i`` depends on index ``i``."""
    shape = [1] * rank
    shape[dim] = length
    index = np.arange(length, dtype=np.int64).reshape(shape)
    return np.stack((index, -index))


def nothing(rank: int) -> Array:
    """Bounds of a tensor that depends on nothing."""
    return np.full((2,) + (1,) * rank, BIG, dtype=np.int64)


def interval(rank: int, first: int, last: int) -> Array:
    """Bounds of a tensor each element of which depends on ``first`` to ``last``."""
    return np.array((first, -last), dtype=np.int64).reshape((2,) + (1,) * rank)


def is_empty(bounds: Array) -> bool:
    """Tell whether no element depends on anything."""
    return bool((bounds[0] >= EMPTY_FROM).all())


def compact(bounds: Array) -> Array:
    """Shrink every axis along which nothing changes to size 1."""
    for axis in range(1, bounds.ndim):
        if bounds.shape[axis] > 1:
            first = bounds[(slice(None),) * axis + (slice(0, 1),)]
            if (bounds == first).all():
                bounds = first
    return bounds


def reduce(bounds: Array, dims: Sequence[int]) -> Array:
    """Hull over ``dims``, which keep size 1."""
    axes = tuple(dim + 1 for dim in dims if bounds.shape[dim + 1] > 1)
    return bounds.min(axis=axes, keepdims=True) if axes else bounds


def gather(bounds: Array, dim: int, index: Array, *, covered: bool, complete: bool) -> Array:
    """Hull over the taps of a window: ``index`` is ``(outputs, taps)``, -1 where a tap falls outside.

    ``covered``: every output has a tap inside; ``complete``: no tap falls outside.
    """
    axis = dim + 1
    if bounds.shape[axis] == 1:
        if covered:
            return bounds
        shape = [1] * bounds.ndim
        shape[axis] = len(index)
        return np.where((index >= 0).any(axis=1).reshape(shape), bounds, BIG)
    if not complete:
        edge = list(bounds.shape)
        edge[axis] = 1
        bounds = np.concatenate((bounds, np.full(edge, BIG, dtype=np.int64)), axis=axis)
    if index.shape[1] == 1:
        return np.take(bounds, index[:, 0], axis=axis)
    hull: Array = np.take(bounds, index, axis=axis).min(axis=axis + 1)
    return hull


def windows_out(bounds: Array, dim: int, index: Array) -> Array:
    """Write windows out: positions stay at ``dim``, taps come after it; a tap outside depends on nothing."""
    axis = dim + 1
    outside = index < 0
    if bounds.shape[axis] == 1 and not outside.any():
        return np.expand_dims(bounds, axis + 1)
    positions = np.zeros_like(index) if bounds.shape[axis] == 1 else np.where(outside, 0, index)
    read = np.take(bounds, positions, axis=axis)
    return compact(np.where(outside.reshape(outside.shape + (1,) * (read.ndim - axis - 2)), BIG, read))


def fold_taps(bounds: Array, tap: int, place: int, index: Array) -> Array:
    """Hull over taps at ``tap`` of what each reads at ``place``; ``index`` is ``(outputs, taps)``. Drops ``tap``."""
    read = np.moveaxis(bounds, (tap + 1, place + 1), (-2, -1))
    taps = np.arange(index.shape[1]) if read.shape[-2] > 1 else np.zeros(index.shape[1], dtype=np.int64)
    places = np.zeros_like(index) if read.shape[-1] == 1 else np.maximum(index, 0)
    out = np.where(index >= 0, read[..., taps, places], BIG).min(axis=-1)
    return compact(np.moveaxis(out, -1, place))


def split_groups(bounds: Array, dim: int, groups: int, outputs: int) -> Array:
    """Hull over each of ``groups`` equal groups of channels at ``dim``, spread over ``outputs`` channels."""
    axis = dim + 1
    size = bounds.shape[axis]
    if size == 1:
        return bounds
    if groups < size:
        shape = (*bounds.shape[:axis], groups, size // groups, *bounds.shape[axis + 1 :])
        bounds = bounds.reshape(shape).min(axis=axis + 1)
    if 1 < groups < outputs:
        bounds = np.repeat(bounds, outputs // groups, axis=axis)
    return bounds


def permute(bounds: Array, dims: Sequence[int]) -> Array:
    """Reorder the tensor's dimensions."""
    return np.transpose(bounds, (0, *(dim + 1 for dim in dims)))


def diagonal(bounds: Array) -> Array:
    """Take the diagonal of the last two dimensions, which are of one length, as the last one."""
    if 1 in bounds.shape[-2:]:
        return bounds.reshape((*bounds.shape[:-2], max(bounds.shape[-2:])))
    return np.diagonal(bounds, axis1=-2, axis2=-1)


def align(bounds: Array, rank: int) -> Array:
    """Put dimensions of size 1 in front until the tensor has ``rank`` of them, as broadcasting does."""
    missing = rank + 1 - bounds.ndim
    return bounds.reshape((2,) + (1,) * missing + bounds.shape[1:]) if missing > 0 else bounds


@lru_cache(maxsize=4096)
def reshape_groups(before: tuple[int, ...], after: tuple[int, ...]) -> tuple[Group, ...]:
    """Pair the smallest runs of dimensions of ``before`` and ``after`` that hold the same elements."""
    groups: list[Group] = []
    i = j = 0
    while i < len(before) or j < len(after):
        ones = (i < len(before) and before[i] == 1, j < len(after) and after[j] == 1)
        if i == len(before) or (ones[1] and not ones[0]):
            groups.append(((), (j,)))
            j += 1
        elif j == len(after) or (ones[0] and not ones[1]):
            groups.append(((i,), ()))
            i += 1
        else:
            first, second = [i], [j]
            left, right = before[i], after[j]
            while left != right:
                if left < right:
                    i += 1
                    first.append(i)
                    left *= before[i]
                else:
                    j += 1
                    second.append(j)
                    right *= after[j]
            groups.append((tuple(first), tuple(second)))
            i, j = i + 1, j + 1
    return tuple(groups)


def reshape(bounds: Array, before: tuple[int, ...], after: tuple[int, ...]) -> Array:
    """Reshape a tensor from ``before`` to ``after``; what was constant in a run of dimensions stays compact."""
    full = list(bounds.shape)
    target = [2] + [1] * len(after)
    mixed = False
    for inner, outer in reshape_groups(before, after):
        if any(bounds.shape[dim + 1] > 1 for dim in inner):
            mixed = mixed or len(inner) > 1 or len(outer) > 1
            for dim in inner:
                full[dim + 1] = before[dim]
            for dim in outer:
                target[dim + 1] = after[dim]
    out = np.broadcast_to(bounds, full).reshape(target)
    return compact(out) if mixed else out


def concatenate(parts: Sequence[Array], sizes: Sequence[int], dim: int) -> Array:
    """Join tensors along ``dim``, where they have ``sizes``."""
    first = parts[0]
    if all(part is first for part in parts) and first.shape[dim + 1] == 1:
        return first
    common = np.broadcast_shapes(*((*part.shape[: dim + 1], 1, *part.shape[dim + 2 :]) for part in parts))
    spread = [
        np.broadcast_to(part, (*common[: dim + 1], size, *common[dim + 2 :]))
        for part, size in zip(parts, sizes, strict=True)
    ]
    return compact(np.concatenate(spread, axis=dim + 1))


def accumulate(bounds: Array, dim: int, *, reverse: bool = False) -> Array:
    """Hull over everything up to (or, in ``reverse``, from) each position along ``dim``."""
    axis = dim + 1
    if bounds.shape[axis] == 1:
        return bounds
    if reverse:
        return np.flip(np.minimum.accumulate(np.flip(bounds, axis), axis=axis), axis)
    return np.minimum.accumulate(bounds, axis=axis)


def spread(bounds: Array, shape: Sequence[int]) -> Array:
    """Write a compact array out to the tensor's whole ``shape``."""
    return np.broadcast_to(bounds, (2, *shape))


def numel(shape: Sequence[int]) -> int:
    """Count the elements of ``shape``."""
    return math.prod(shape)
