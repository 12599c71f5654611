"""Index hulls as integer arrays, and the primitives that every operator is made of.

An array of bounds has the shape ``(2, *tensor.shape)`` with size 1 wherever it is constant: ``[0]`` holds the first
input index that an element depends on, ``[1]`` minus the last one. So the hull of two tensors is one minimum, and an
element that depends on nothing has `BIG` in both.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[np.int64]
Shape: TypeAlias = tuple[int, ...]

BIG = 1 << 40
EMPTY_FROM = 1 << 39  # sums of BIG and real indices stay above, real indices below


def nothing(rank: int) -> Array:
    """Bounds of a tensor that depends on nothing."""
    return np.full((2,) + (1,) * rank, BIG, dtype=np.int64)


def is_empty(array: Array) -> bool:
    """Tell whether no element depends on anything."""
    return bool((array[0] >= EMPTY_FROM).all())


def lowest(array: Array) -> tuple[int, int]:
    """Return the hull of all elements: the first index, and minus the last one."""
    bounds = array.reshape(2, -1)
    first, minus_last = (bounds if array.size == 2 else bounds.min(axis=1)).ravel().tolist()  # noqa: PLR2004 - lo and hi
    return first, minus_last


def compact(array: Array) -> Array:
    """Shrink every axis along which nothing changes to size 1."""
    if array.size == 2:  # noqa: PLR2004 - one element: lo and hi
        return array
    corner = array.item(0)
    for axis, size in enumerate(array.shape):
        # Mostly two numbers tell already that something changes.
        if axis and size > 1 and array.item((0,) * axis + (size - 1,) + (0,) * (array.ndim - axis - 1)) == corner:
            first = array[(slice(None),) * axis + (slice(0, 1),)]
            if (array == first).all():
                array = first
    return array


def reduce(array: Array, dims: Sequence[int]) -> Array:
    """Hull over ``dims``, which keep size 1."""
    axes = tuple([dim + 1 for dim in dims if array.shape[dim + 1] > 1])
    return array.min(axis=axes, keepdims=True) if axes else array


def rearrange(array: Array, order: Sequence[int | None]) -> Array:
    """Put the dimensions into ``order``; ``None`` is a new one of size 1, and what is left out has size 1 and goes."""
    if array.size == 2:  # noqa: PLR2004 - one element: lo and hi
        return array.reshape((2,) + (1,) * len(order))
    kept = [dim for dim in order if dim is not None]
    gone = [dim for dim in range(array.ndim - 1) if dim not in kept]
    sizes = (1 if dim is None else array.shape[dim + 1] for dim in order)
    moved: Array = array.transpose((0, *(dim + 1 for dim in (*kept, *gone))))
    return moved.reshape((2, *sizes))


def concatenate(parts: Sequence[Array], sizes: Sequence[int], dim: int) -> Array:
    """Join tensors along ``dim``, where they have ``sizes``; equal parts that are constant there stay one."""
    first, axis = parts[0], dim + 1
    if first.shape[axis] == 1 and all(part is first or np.array_equal(part, first) for part in parts):
        return first
    across = first.shape[:axis], first.shape[axis + 1 :]
    if all((part.shape[:axis], part.shape[axis + 1 :]) == across for part in parts):
        times: list[int] = []
        for part, size in zip(parts, sizes, strict=True):
            times += [size] if part.shape[axis] == 1 else [1] * size
        return np.repeat(np.concatenate(parts, axis), times, axis)
    common = [2, *(max(part.shape[place] for part in parts) for place in range(1, first.ndim))]
    common[axis] = sum(sizes)
    out, end = np.empty(common, dtype=np.int64), 0
    for part, size in zip(parts, sizes, strict=True):
        out[(slice(None),) * axis + (slice(end, end + size),)] = part
        end += size
    return out


def reshape(array: Array, before: Shape, after: Shape) -> Array:
    """Reshape a tensor from ``before`` to ``after``; what was constant in a run of dimensions stays compact."""
    target = [2] + [1] * len(after)
    if array.size == 2:  # noqa: PLR2004 - one element: lo and hi
        return array.reshape(target)
    full = list(array.shape)
    mixed = False
    for inner, outer in {group_of(dim - 1, before, after) for dim, size in enumerate(full) if dim and size > 1}:
        mixed = mixed or len(inner) > 1 or len(outer) > 1
        for dim in inner:
            full[dim + 1] = before[dim]
        for dim in outer:
            target[dim + 1] = after[dim]
    return compact(spread(array, full).reshape(target)) if mixed else array.reshape(target)


def spread(array: Array, shape: Sequence[int]) -> Array:
    """Write what is constant out, as far as ``shape`` asks for it."""
    if array.shape == tuple(shape):
        return array
    out = np.empty(shape, dtype=np.int64)
    out[...] = array
    return out


@lru_cache(maxsize=4096)
def group_of(dim: int, before: Shape, after: Shape) -> tuple[Shape, Shape]:
    """Find the runs of dimensions of ``before`` and ``after`` that ``dim`` of ``before`` is in."""
    return next(group for group in reshape_groups(before, after) if dim in group[0])


@lru_cache(maxsize=4096)
def reshape_groups(before: Shape, after: Shape) -> tuple[tuple[Shape, Shape], ...]:
    """Pair the smallest runs of dimensions of ``before`` and ``after`` that hold the same elements."""
    groups: list[tuple[Shape, Shape]] = []
    i = j = 0
    while i < len(before) or j < len(after):
        left, right = (*before, None)[i], (*after, None)[j]
        if left is None or right == 1 != left:
            groups.append(((), (j,)))
            j += 1
        elif right is None or left == 1 != right:
            groups.append(((i,), ()))
            i += 1
        else:
            first, second = i, j
            while left != right:
                if left < right:
                    i += 1
                    left *= before[i]
                else:
                    j += 1
                    right *= after[j]
            i, j = i + 1, j + 1
            groups.append((tuple(range(first, i)), tuple(range(second, j))))
    return tuple(groups)
