"""Nominal maps found again in unclipped bounds, after writes part by part."""

from __future__ import annotations

import numpy as np

from convinspect.fields.hulls import arrays
from convinspect.fields.hulls.arrays import EMPTY_FROM, Array
from convinspect.fields.hulls.hull import Absent, Map, Nominal


def recognise(unclipped: Array) -> Nominal:
    """Find the map in unclipped bounds that were written part by part.

    It is that of the longest evenly stepping run, if this is most of the positions: the rest is a border, as in
    circular padding.
    """
    rank = unclipped.ndim - 1
    for dim in range(rank):
        if unclipped.shape[dim + 1] == 1:
            continue
        line = arrays.reduce(unclipped, [other for other in range(rank) if other != dim])
        begin, end = _longest_run(line)
        inside = (slice(None),) * (dim + 1) + (slice(begin, end),)
        agrees = (unclipped[inside] == line[inside]) | (unclipped[inside] >= EMPTY_FROM)
        if agrees.all() and 2 * (end - begin) > unclipped.shape[dim + 1]:
            lo, minus_hi = line.reshape(2, -1)
            step = int(lo[begin + 1] - lo[begin])
            ends = np.array((lo[begin] - step * begin, minus_hi[begin] + step * begin), dtype=np.int64)
            return Map(ends.reshape((2,) + (1,) * rank), dim, step)
    return Absent.MISALIGNED


def _longest_run(line: Array) -> tuple[int, int]:
    """First and one past the last position of the longest run in which both bounds step by the same number."""
    lo, minus_hi = line.reshape(2, -1)
    steps = np.diff(lo)
    even = (steps == -np.diff(minus_hi)) & (steps != 0) & (lo[1:] < EMPTY_FROM) & (lo[:-1] < EMPTY_FROM)
    best, begin, run = 0, 0, 0
    for i, step in enumerate(steps):
        run = (run + 1 if run and step == steps[i - 1] else 1) if even[i] else 0
        if run > best:
            best, begin = run, i + 1 - run
    return begin, begin + best + 1 if best else begin
