"""Tensors as boxes of the contiguous dimensions that their storage is seen as."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from operator import mul
from typing import NamedTuple

import numpy as np

from convinspect.fields.hulls import arrays
from convinspect.fields.hulls.arrays import Array, Shape


class Geometry(NamedTuple):
    """Where a tensor lies in its storage."""

    shape: Shape
    stride: Shape
    offset: int
    itemsize: int

    @property
    def walks(self) -> list[tuple[int, int]]:
        """Stride and size of each dimension that there is to walk along."""
        return [(step, size) for step, size in zip(self.stride, self.shape, strict=True) if size > 1]

    @property
    def last(self) -> int:
        """Place of the tensor's last element among those of its storage."""
        return self.offset + sum((n - 1) * step for n, step in zip(self.shape, self.stride, strict=True))


@dataclass(frozen=True, slots=True)
class Box:
    """A tensor in a grid: a slice of each dimension of the grid, and which one each of the tensor's runs along."""

    slices: tuple[slice, ...]
    order: tuple[int | None, ...]


def locate(grid: Shape, geometry: Geometry) -> Box | None:
    """Find a tensor in ``grid``; ``None`` where it is no box of it."""
    strides = _strides(grid)
    walks: dict[int | None, tuple[int, int]] = {}
    order: list[int | None] = []
    for size, stride in zip(geometry.shape, geometry.stride, strict=True):
        if size > 1:
            place = next((i for i, own in enumerate(strides) if stride and stride % own == 0), None)
            if place is None or place in walks:
                return None
            walks[place] = stride // strides[place], size
        order.append(place if size > 1 else None)
    slices, rest = [], geometry.offset
    for place, (own, length) in enumerate(zip(strides, grid, strict=True)):
        start, rest = divmod(rest, own)
        step, size = walks.get(place, (1, 1))
        end = start + step * (size - 1)
        if end >= length:
            return None
        slices.append(slice(start, end + 1, step))
    return Box(tuple(slices), tuple(order))


def refine(elements: int, grid: Shape, geometry: Geometry) -> Shape | None:
    """Split ``grid`` where the tensor's strides ask for it; ``None`` where they do not divide each other."""
    own = {step for step, _ in geometry.walks}
    sizes, left = [], elements
    for stride in sorted(own | set(_strides(grid)) - {0}, reverse=True):
        if stride >= left:
            continue
        if stride == 0 or left % stride:
            return None
        sizes.append(left // stride)
        left = stride
    return (*sizes, left) if left > 1 or not sizes else tuple(sizes)


def paste(array: Array, grid: Shape, box: Box, value: Array) -> Array:
    """Write ``value``, in the tensor's own layout, into the box; what stays constant stays compact."""
    dims = {place: dim for dim, place in enumerate(box.order) if place is not None}
    moved = arrays.rearrange(value, [dims.get(place) for place in range(len(grid))])
    shape = [2]
    where: list[slice] = [slice(None)]
    for place, (cut, length) in enumerate(zip(box.slices, grid, strict=True)):
        whole = cut == slice(0, length, 1)
        constant = whole and array.shape[place + 1] == 1 == moved.shape[place + 1]
        shape.append(1 if constant else length)
        where.append(slice(None) if constant else cut)
    out = np.array(np.broadcast_to(array, shape))
    out[tuple(where)] = moved
    return out


def pick(array: Array, box: Box) -> Array:
    """Read the box, in the tensor's own layout."""
    where = [slice(None), *(cut if n > 1 else slice(None) for cut, n in zip(box.slices, array.shape[1:], strict=True))]
    return arrays.rearrange(array[tuple(where)], box.order)


def strided(array: Array, geometry: Geometry) -> Array:
    """View the elements of any tensor in an array of the whole storage, one dimension of all elements."""
    step = array.itemsize
    if geometry.last >= array.shape[1]:
        raise IndexError("a tensor reaches beyond the storage that it was followed in")
    return np.lib.stride_tricks.as_strided(
        array[:, geometry.offset :],
        (2, *geometry.shape),
        (array.strides[0], *(s * step for s in geometry.stride)),
    )


def _strides(grid: Shape) -> Shape:
    return tuple(accumulate(grid[:0:-1], mul, initial=1))[::-1]
