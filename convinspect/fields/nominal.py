"""Nominal fields, unclipped: what a unit would see if the input went on for ever, as the papers count it.

A `Map` says that the output at position ``o = m*q + f`` of its dimension (``m`` phases) depends on the input indices
``[A*q + lo[f], A*q + hi[f]]``: integers only, so that fields by phase (after upsampling) stay exact.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import Enum
from typing import TypeAlias

import numpy as np

from convinspect.fields.bounds import BIG, EMPTY_FROM, Array, align, compact, gather, permute
from convinspect.fields.windows import Window, extent

LARGEST_PERIOD = 1 << 14


class Absent(Enum):
    """Why there is no map."""

    NOTHING = "the tensor depends on nothing, or only through global gates"
    CONSUMED = "the axis was flattened, selected or contracted away"
    MISALIGNED = "paths with unequal strides or offsets were merged"


@dataclass(frozen=True, slots=True, eq=False)
class Map:
    """An integer quasi-affine map along dimension ``dim`` of a tensor.

    ``bounds`` is a bounds array whose size along ``dim`` is the period, in which the input advances by ``advance``; the
    other dimensions are the tensor's own (size 1 wherever constant). Where positions along ``dim`` run through the axis
    more than once (the columns of a flattened image) they start over after ``wraps`` (0: never), or, where that is
    written out phase by phase, ``advance`` is 0.
    """

    dim: int
    advance: int
    bounds: Array
    wraps: int = 0

    @property
    def period(self) -> int:
        """How many phases there are."""
        return int(self.bounds.shape[self.dim + 1])


Nominal: TypeAlias = Map | Absent


def seed(rank: int, dim: int) -> Map:
    """Map of the followed input itself."""
    return Map(dim, 1, np.zeros((2,) + (1,) * rank, dtype=np.int64))


def slide(nominal: Nominal, dim: int, window: Window, *, positions: bool) -> Nominal:
    """Read through a window operator along ``dim``, a dimension of ``positions`` or one of channels."""
    if isinstance(nominal, Absent) or window.identity:
        return nominal
    if nominal.dim != dim:
        if positions and nominal.bounds.shape[dim + 1] == 1:
            return nominal
        if positions and not window.complete:
            # A digit of the position: what is padding here would be read from the neighbouring digit.
            return Absent.MISALIGNED
        bounds = gather(nominal.bounds, dim, window.index, covered=window.covered, complete=window.complete)
        return replace(nominal, bounds=bounds)
    taps = window.taps
    if taps is not None and nominal.period == 1 and len(taps) == 1 and not nominal.wraps:
        first, last = extent(taps)
        ends = (nominal.advance * first, nominal.advance * last)
        shift = np.array((min(ends), -max(ends)), dtype=np.int64).reshape((2,) + (1,) * (nominal.bounds.ndim - 1))
        return Map(dim, nominal.advance * window.advance, _tidy(nominal.bounds + shift))
    read = windows_out(nominal, dim, window)
    if isinstance(read, Absent):
        return read
    hull = replace(read, bounds=read.bounds.min(axis=dim + 2))
    return simplify(hull) if hull.period > 1 else hull


def windows_out(nominal: Nominal, dim: int, window: Window) -> Nominal:
    """Write the windows along ``dim`` out: positions stay at ``dim``, taps come after it."""
    if isinstance(nominal, Absent):
        return nominal
    axis = dim + 1
    if nominal.dim != dim:
        if nominal.bounds.shape[axis] > 1:
            return Absent.MISALIGNED
        moved = nominal.dim + (nominal.dim > dim)
        return replace(nominal, dim=moved, bounds=np.expand_dims(nominal.bounds, axis + 1))
    taps = window.taps
    if taps is None:
        return Absent.MISALIGNED
    nominal = unwrapped(nominal)
    turns = nominal.period // math.gcd(nominal.period, window.advance)
    period = len(taps) * turns
    if period > LARGEST_PERIOD:
        return Absent.MISALIGNED
    output = np.arange(period, dtype=np.int64)
    tap = taps[output % len(taps)]
    missing = tap >= EMPTY_FROM
    index = np.where(missing, 0, tap + (output // len(taps) * window.advance)[:, None])
    shape = nominal.bounds.shape[:axis] + index.shape + nominal.bounds.shape[axis + 1 :]
    read = at(nominal, index.reshape(-1)).reshape(shape)
    if missing.any():
        read = np.where(missing.reshape(missing.shape + (1,) * (read.ndim - axis - 2)), BIG, read)
    return Map(dim, nominal.advance * window.advance * turns // nominal.period, read)


def at(nominal: Map, positions: Array) -> Array:
    """Bounds at ``positions`` of the map's dimension, inside the tensor or not."""
    axis = nominal.dim + 1
    period = nominal.period
    if nominal.wraps:
        positions = positions % nominal.wraps
    shape = [1] * nominal.bounds.ndim
    shape[axis] = len(positions)
    shift = (positions // period * nominal.advance).reshape(shape[1:])
    return _tidy(np.take(nominal.bounds, positions % period, axis=axis) + np.stack((shift, -shift)))


def simplify(nominal: Map) -> Map:
    """Take the smallest period that says the same."""
    bounds, advance, axis = nominal.bounds, nominal.advance, nominal.dim + 1
    sign = np.array((1, -1), dtype=np.int64).reshape((2,) + (1,) * (bounds.ndim - 1))

    def phases(start: int, stop: int) -> Array:
        return bounds[(slice(None),) * axis + (slice(start, stop),)]

    factor = 2
    while factor <= bounds.shape[axis]:
        period = bounds.shape[axis]
        part, step = period // factor, sign * (advance // factor)
        # The first phase tells most maps apart, at a fraction of the cost.
        if (
            period % factor
            or advance % factor
            or not (_tidy(phases(0, 1) + step) == phases(part, part + 1)).all()
            or not (_tidy(phases(0, period - part) + step) == phases(part, period)).all()
        ):
            factor += 1
            continue
        bounds, advance = phases(0, part), advance // factor
    return replace(nominal, advance=advance, bounds=bounds)


def stretch(nominal: Map, period: int) -> Map:
    """Say the same with a longer ``period``, a multiple of the map's own."""
    if period == nominal.period:
        return nominal
    bounds = at(nominal, np.arange(period, dtype=np.int64))
    return replace(nominal, advance=nominal.advance * period // nominal.period, bounds=bounds)


def unwrapped(nominal: Map) -> Map:
    """Write a map that wraps out to one phase a position, after which it repeats."""
    return written_out(nominal, nominal.wraps) if nominal.wraps else nominal


def written_out(nominal: Map, length: int) -> Map:
    """Give every one of ``length`` positions a phase of its own, so that none advances."""
    return Map(nominal.dim, 0, at(nominal, np.arange(length, dtype=np.int64)))


def raise_rank(nominal: Nominal, rank: int) -> Nominal:
    """Put dimensions of size 1 in front, as broadcasting does."""
    if isinstance(nominal, Absent):
        return nominal
    missing = rank + 1 - nominal.bounds.ndim
    if missing <= 0:
        return nominal
    return replace(nominal, dim=nominal.dim + missing, bounds=align(nominal.bounds, rank))


def reorder(nominal: Nominal, dims: tuple[int, ...]) -> Nominal:
    """Permute the tensor's dimensions."""
    if isinstance(nominal, Absent):
        return nominal
    return replace(nominal, dim=dims.index(nominal.dim), bounds=permute(nominal.bounds, dims))


def rebase(nominal: Map) -> Map:
    """Move a map that does not change along its dimension to the one along which it advances evenly."""
    if nominal.advance or nominal.period > 1 or nominal.wraps:
        return nominal
    bounds = compact(nominal.bounds)
    varying = [axis for axis in range(1, bounds.ndim) if bounds.shape[axis] > 1]
    if len(varying) != 1:
        return nominal
    axis = varying[0]
    values = bounds.reshape(2, -1)
    if (values >= EMPTY_FROM).any():
        return nominal
    length = values.shape[1]
    for period in range(1, length // 2 + 1 if length > 2 else 2):  # noqa: PLR2004 - two points make a line
        steps = values[:, period:] - values[:, :-period]
        if (steps[0] == steps[0, 0]).all() and (steps[1] == -steps[0, 0]).all():
            return Map(axis - 1, int(steps[0, 0]), np.take(bounds, np.arange(period), axis=axis))
    return nominal


def _tidy(bounds: Array) -> Array:
    """Give every element that depends on nothing the same `BIG`."""
    return np.where(bounds >= EMPTY_FROM, BIG, bounds) if bounds.max() >= EMPTY_FROM else bounds
