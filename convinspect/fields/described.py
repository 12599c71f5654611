"""The numbers that people ask of a nominal map: size, jump, start, halo."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from convinspect.fields.bounds import BIG, EMPTY_FROM
from convinspect.fields.nominal import Map, at


def sizes(nominal: Map) -> tuple[int, int] | None:
    """Largest and smallest size over channels and phases; a channel that depends on nothing does not count."""
    lo, hi = nominal.bounds[0], -nominal.bounds[1]
    size = np.where(lo < EMPTY_FROM, hi - lo + 1, 0)
    alive = (size > 0).any(axis=nominal.dim, keepdims=True)
    if not alive.any():
        return None
    return int(size.max()), int(np.where(alive, size, BIG).min())


def jump(nominal: Map, spatial: tuple[bool, ...], *, shared: bool) -> Fraction | None:
    """Input step from one position to the next; of a flattened or partitioned image, of its grid.

    ``shared`` says that another axis runs along the same dimension.
    """
    others = [d for d, flag in enumerate(spatial) if flag and d != nominal.dim and nominal.bounds.shape[d + 1] > 1]
    if nominal.advance and not nominal.wraps and not others and not shared:
        return Fraction(nominal.advance, nominal.period)
    first = at(nominal, np.arange(2 * nominal.period, dtype=np.int64))[0]
    steps = np.diff(np.unique(first[first < EMPTY_FROM]))
    return Fraction(int(steps.min())) if steps.size else None


def start(nominal: Map, spatial: tuple[bool, ...]) -> int | None:
    """First input index that the unit at position 0 sees, over its channels."""
    first = nominal.bounds[0]
    unit = tuple(slice(0, 1) if flag or d == nominal.dim else slice(None) for d, flag in enumerate(spatial))
    lowest = int(first[unit].min())
    return lowest if lowest < EMPTY_FROM else None


def halo(nominal: Map) -> tuple[int, int] | None:
    """Input positions that one period of units reads before and after the ``advance`` positions that are its own.

    ``None`` where positions do not run once and evenly through the axis.
    """
    if not nominal.advance or nominal.wraps:
        return None
    lo, hi = nominal.bounds.reshape(2, -1).min(axis=1)
    return (max(-int(lo), 0), max(-int(hi) - nominal.advance + 1, 0)) if lo < EMPTY_FROM else None
