"""Hulls through a reshape: positions split into digits, and digits merged into positions."""

from __future__ import annotations

import math
from math import prod

import numpy as np

from convinspect.fields.hulls import arrays
from convinspect.fields.hulls.arrays import Shape, group_of
from convinspect.fields.hulls.hull import LARGEST_PERIOD, Absent, Hull, Map, NoMapError


def reshape(hull: Hull, before: Shape, after: Shape) -> Hull:
    """Follow a hull through a reshape of its tensor from ``before`` to ``after``; what was constant stays compact.

    Splitting a map's dimension leaves the map on the outermost digit; merging it with inner dimensions lengthens the
    period; merged below an outer dimension (an image flattened to tokens) it starts over.
    """
    if not isinstance(hull, Map):
        return Hull(arrays.reshape(hull.array, before, after))
    inner, outer = group_of(hull.dim, before, after)
    if not outer:
        raise NoMapError(Absent.CONSUMED)
    # Now the group is one dimension, and then several that may be compact: the rest reshapes as any tensor does.
    if len(inner) == len(outer) == 1 and not hull.wraps and hull.period <= LARGEST_PERIOD:
        split, place = hull, 0
    else:
        split, place = _split(_merge(hull, before, inner), tuple(after[dim] for dim in outer))
    own = split.array.shape[inner[0] + 1 : inner[0] + 1 + len(outer)]
    if split.array.size == 2 * prod(own):
        array = split.array.reshape((2,) + (1,) * outer[0] + own + (1,) * (len(after) - 1 - outer[-1]))
    else:
        old = (*before[: inner[0]], *own, *before[inner[-1] + 1 :])
        new = (*after[: outer[0]], *own, *after[outer[-1] + 1 :])
        array = arrays.reshape(split.array, old, new)
    array = arrays.compact(array)
    dim = outer[0] + place
    if array.shape[dim + 1] != split.period:
        array = np.repeat(array, split.period, axis=dim + 1)
    return Map(array, dim, split.advance, split.wraps).simplified().rebased()


def _merge(nominal: Map, before: Shape, dims: Shape) -> Map:
    """Merge the dimensions ``dims`` of the map's group into one at the first."""
    if len(dims) == 1 and nominal.period <= LARGEST_PERIOD:
        return nominal
    place = dims.index(nominal.dim)
    outer, inner = dims[:place], dims[place + 1 :]
    repeated = any(nominal.varies(dim) for dim in outer)
    wraps = nominal.wraps
    if repeated:
        nominal, wraps = nominal.written_out(before[nominal.dim]), 0
    elif prod(before[dim] for dim in outer) > 1:
        wraps = wraps or before[nominal.dim]
    full = list(nominal.array.shape)
    for dim in (*inner, *(outer if repeated else ())):
        full[dim + 1] = before[dim]
    length = prod(full[dim + 1] for dim in dims)
    if length > LARGEST_PERIOD:
        raise NoMapError(Absent.MISALIGNED)
    shape = [*full[: dims[0] + 1], length, *full[dims[-1] + 2 :]]
    array = arrays.spread(nominal.array, full).reshape(shape)
    return Map(array, dims[0], nominal.advance, wraps * prod(before[dim] for dim in inner))


def _split(flat: Map, sizes: Shape) -> tuple[Map, int]:
    """Split the map's dimension into digits of ``sizes``; the map is on the digit whose number comes second."""
    real = [i for i, size in enumerate(sizes) if size > 1]
    place = real[0] if real else 0
    if flat.wraps and len(real) > 1:
        turn = next((i for i in real if prod(sizes[i:]) == flat.wraps), None)
        if turn is None:
            flat = flat.unwrapped()
        else:
            place, flat = turn, Map(flat.array, flat.dim, flat.advance)
    digits = sizes[place + 1 :]
    turns = flat.period // math.gcd(flat.period, prod(digits))
    positions = turns * prod(digits)
    array = flat.upto(positions)
    axis = flat.dim + 1
    shape = array.shape[:axis] + (1,) * place + (turns, *digits) + array.shape[axis + 1 :]
    return Map(array.reshape(shape), flat.dim + place, flat.advance * positions // flat.period, flat.wraps), place
