"""Windows read along one dimension: a hull clips them to the real input, a map follows the rule behind them."""

from __future__ import annotations

import math

import numpy as np

from convinspect.fields.hulls.arrays import BIG, EMPTY_FROM, Array
from convinspect.fields.hulls.hull import LARGEST_PERIOD, Absent, Hull, Map, NoMapError
from convinspect.fields.hulls.windows import Window


def read(hull: Hull, dim: int, window: Window, *, positions: bool) -> Hull:
    """Hull over the taps of each window along ``dim``, a dimension of ``positions`` or one of channels."""
    if isinstance(hull, Map):
        if hull.dim == dim and window.ends is not None and hull.period == 1 and not hull.wraps:
            return Map(hull.widened(*window.ends), dim, hull.advance * window.advance)
        if hull.dim == dim:
            taps = follow(hull, window)
            return taps.of(taps.array.min(axis=dim + 2)).simplified()
        if positions and not hull.varies(dim):
            return hull
        if positions and not window.complete:
            # A digit of the position: what is padding here would be read from the neighbouring digit.
            raise NoMapError(Absent.MISALIGNED)
    if window.covered and not hull.varies(dim):
        return hull
    return hull.of(_taps(hull.array, dim, window).min(axis=dim + 2))


def write_out(hull: Hull, dim: int, window: Window) -> Hull:
    """Write the windows along ``dim`` out: positions stay there, taps come after it."""
    if isinstance(hull, Map):
        if hull.dim == dim:
            return follow(hull, window)
        if hull.varies(dim):
            raise NoMapError(Absent.MISALIGNED)
    elif hull.varies(dim) or not window.complete:
        return Hull(_taps(hull.array, dim, window)).compacted()
    return hull.rearranged((*range(dim + 1), None, *range(dim + 1, hull.rank)))


def follow(nominal: Map, window: Window) -> Map:
    """Read windows along the map's own dimension, unclipped: taps are a new dimension after it."""
    taps = window.taps
    is_written_out = not nominal.advance and nominal.period > 1 and not nominal.wraps
    if taps is None or (is_written_out and not window.complete):  # nothing is known of what stands beside
        raise NoMapError(Absent.MISALIGNED)
    nominal = nominal.unwrapped()
    axis = nominal.dim + 1
    turns = nominal.period // math.gcd(nominal.period, window.advance)
    period = len(taps) * turns
    if period > LARGEST_PERIOD:
        raise NoMapError(Absent.MISALIGNED)
    output = np.arange(period, dtype=np.int64)
    tap = taps[output % len(taps)]
    missing = tap >= EMPTY_FROM
    index = np.where(missing, 0, tap + (output // len(taps) * window.advance)[:, None])
    shape = nominal.array.shape[:axis] + index.shape + nominal.array.shape[axis + 1 :]
    array = nominal.at(index.reshape(-1)).reshape(shape)
    if missing.any():
        array = np.where(missing.reshape(missing.shape + (1,) * (array.ndim - axis - 2)), BIG, array)
    return Map(array, nominal.dim, nominal.advance * window.advance * turns // nominal.period)


def _taps(array: Array, dim: int, window: Window) -> Array:
    """Bounds that each tap reads: positions stay at ``dim``, taps come after it; a tap outside depends on nothing."""
    axis, index = dim + 1, window.index
    if array.shape[axis] == 1:
        index = np.minimum(index, 0)
    if not window.complete:
        # What `OUTSIDE` counts back to.
        edge = np.full((*array.shape[:axis], 1, *array.shape[axis + 1 :]), BIG, dtype=np.int64)
        array = np.concatenate((array, edge), axis=axis)
    return np.take(array, index, axis=axis)
