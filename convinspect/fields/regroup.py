"""Nominal maps through a reshape: positions split into digits, and digits merged into positions."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from convinspect.fields.bounds import compact, numel, reshape_groups
from convinspect.fields.nominal import (
    LARGEST_PERIOD,
    Absent,
    Map,
    Nominal,
    at,
    rebase,
    simplify,
    unwrapped,
    written_out,
)

Shape = tuple[int, ...]


def reshape(nominal: Nominal, before: Shape, after: Shape) -> Nominal:
    """Follow a map through a reshape of its tensor from ``before`` to ``after``.

    Splitting the map's dimension leaves the map on the outermost digit; merging it with inner dimensions lengthens the
    period; merged below an outer dimension (an image flattened to tokens) it starts over.
    """
    if isinstance(nominal, Absent):
        return nominal
    target = next(group for group in reshape_groups(before, after) if nominal.dim in group[0])
    if not target[1]:
        return Absent.CONSUMED
    flat = _merge(nominal, before, target[0])
    if flat is None:
        return Absent.MISALIGNED
    # From here the group is one dimension in front of the rest: the rest reshapes as any tensor does.
    split = _split(flat, tuple(after[dim] for dim in target[1]))
    return _put_back(split, before, after, target)


def _merge(nominal: Map, before: Shape, dims: Shape) -> Map | None:
    """Merge the dimensions ``dims`` of the map's group into one at the first; ``None`` where it grows too long."""
    place = dims.index(nominal.dim)
    outer, inner = dims[:place], dims[place + 1 :]
    repeated = any(nominal.bounds.shape[dim + 1] > 1 for dim in outer)
    wraps = nominal.wraps
    if repeated:
        nominal, wraps = written_out(nominal, before[nominal.dim]), 0
    elif numel([before[dim] for dim in outer]) > 1:
        wraps = wraps or before[nominal.dim]
    bounds = nominal.bounds
    full = list(bounds.shape)
    for dim in dims:
        if dim in inner or (repeated and dim in outer):
            full[dim + 1] = before[dim]
    length = numel([full[dim + 1] for dim in dims])
    if length > LARGEST_PERIOD:
        return None
    shape = [*full[: dims[0] + 1], length, *full[dims[-1] + 2 :]]
    wraps *= numel([before[dim] for dim in inner])
    return Map(dims[0], nominal.advance, np.broadcast_to(bounds, full).reshape(shape), wraps)


def _split(flat: Map, sizes: Shape) -> tuple[Map, int]:
    """Split the map's dimension into digits of ``sizes``; the map is on the digit whose number comes second."""
    real = [i for i, size in enumerate(sizes) if size > 1]
    place = real[0] if real else 0
    if flat.wraps and len(real) > 1:
        turn = next((i for i in real if numel(sizes[i:]) == flat.wraps), None)
        if turn is None:
            flat = unwrapped(flat)
        else:
            place, flat = turn, replace(flat, wraps=0)
    digits = sizes[place + 1 :]
    inner = numel(digits)
    turns = flat.period // math.gcd(flat.period, inner)
    bounds = at(flat, np.arange(turns * inner, dtype=np.int64))
    axis = flat.dim + 1
    shape = bounds.shape[:axis] + (1,) * place + (turns, *digits) + bounds.shape[axis + 1 :]
    advance = flat.advance * inner * turns // flat.period
    return Map(flat.dim + place, advance, bounds.reshape(shape), flat.wraps), place


def _put_back(split: tuple[Map, int], before: Shape, after: Shape, target: tuple[Shape, Shape]) -> Nominal:
    """Reshape the other groups too, and put the map on its new dimension."""
    nominal, place = split
    bounds = nominal.bounds
    first, width = target[0][0], len(target[1])
    full: list[int] = [2]
    shape: list[int] = [2]
    for inner, outer in reshape_groups(before, after):
        if inner == target[0] and outer == target[1]:
            own = bounds.shape[first + 1 : first + 1 + width]
            full += own
            shape += own
            continue
        axes = [dim + 1 if dim < first else dim + 1 - len(target[0]) + width for dim in inner]
        varies = any(bounds.shape[axis] > 1 for axis in axes)
        full += [before[dim] if varies else 1 for dim in inner]
        shape += [after[dim] if varies else 1 for dim in outer]
    out = np.broadcast_to(bounds, full).reshape(shape)
    dim = target[1][0] + place
    period: int = out.shape[dim + 1]
    out = compact(out)
    if out.shape[dim + 1] != period:
        out = np.repeat(out, period, axis=dim + 1)
    return rebase(simplify(replace(nominal, dim=dim, bounds=out)))
