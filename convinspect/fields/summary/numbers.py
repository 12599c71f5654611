"""The numbers that people ask of a nominal map: size, jump, start, halo."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from convinspect.fields.hulls.arrays import BIG, EMPTY_FROM, Array, lowest
from convinspect.fields.hulls.hull import Map
from convinspect.fields.operations.axis import AxisField
from convinspect.fields.operations.dimensions import Kind, has_units, is_mixed
from convinspect.fields.operations.field import Field
from convinspect.fields.summary.box import interval, middle
from convinspect.records import Interval, Jump

# So few indices are told apart faster one by one.
FEW = 1 << 11


class Numbers(NamedTuple):
    """Nominal numbers of one axis; ``None`` where there are none; ``size_by`` says what sizes differ by."""

    size: int | None = None
    size_min: int | None = None
    size_by: str | None = None
    jump: Jump | None = None
    start: int | None = None
    halo: Interval | None = None


NO_NUMBERS = Numbers()


def numbers(axis: AxisField, field: Field) -> Numbers:
    """Return the nominal numbers of one axis of ``field``."""
    nominal = axis.nominal
    if not isinstance(nominal, Map):
        return NO_NUMBERS
    kind = field.spatial[nominal.dim]
    size = _sizes(nominal, field.spatial) if has_units(kind) else None
    if size is None:
        return NO_NUMBERS
    if is_mixed(kind):
        # One of merged units sees what it saw before; there are no steps from one to the next.
        return Numbers(*size)
    along = [other.nominal.dim for other in field.axes if isinstance(other.nominal, Map)]
    shared = along.count(nominal.dim) > 1
    start = _start(nominal, field.spatial)
    if shared and interval(axis.local, dict.fromkeys(middle(field), 0)) is None:
        # The first token is not one of the image's: no position comes before the others in a flattened image.
        start = None
    jump = _jump(nominal, field.spatial, shared=shared)
    return Numbers(*size, jump, start, None if shared else _halo(nominal))


def _sizes(nominal: Map, spatial: tuple[Kind, ...]) -> tuple[int, int, str | None] | None:
    """Largest and smallest size over channels and phases, and what sizes differ by.

    A channel that depends on nothing does not count.
    """
    reach = nominal.array[0] + nominal.array[1]
    largest, smallest = 1 - int(reach.min()), 1 - int(reach.max())
    if largest == smallest > 0:
        return largest, smallest, None
    size = least = 1 - reach
    alive: npt.NDArray[np.bool_] | None = None  # all are
    if smallest <= 0:
        size = np.where(nominal.array[0] < EMPTY_FROM, size, 0)
        alive = np.asarray((size > 0).any(axis=nominal.dim, keepdims=True))
        if not alive.any():
            return None
        least = np.where(alive, size, BIG)

    def differs(among: set[int]) -> bool:
        dims = tuple(dim for dim in among if size.shape[dim] > 1)
        if not dims:
            return False
        spread = size.max(axis=dims, keepdims=True) != least.min(axis=dims, keepdims=True)
        return bool((spread if alive is None else spread & alive.any(axis=dims, keepdims=True)).any())

    others = {dim for dim in range(size.ndim) if dim != nominal.dim}
    places = {dim for dim in others if spatial[dim]}
    along = {"channel": others - places, "phase": {nominal.dim}, "position": places}
    words = [word for word, dims in along.items() if differs(dims)]
    return int(size.max()), int(least.min()), " and ".join(words) or None


def _jump(nominal: Map, spatial: tuple[Kind, ...], *, shared: bool) -> Jump | None:
    """Input step from one position to the next; of a flattened or partitioned image, of its grid.

    ``shared`` says that another axis runs along the same dimension.
    """
    others = [d for d, flag in enumerate(spatial) if flag and d != nominal.dim and nominal.varies(d)]
    if nominal.advance and not nominal.wraps and not shared and not others:
        common = math.gcd(nominal.advance, nominal.period)
        whole, parts = nominal.advance // common, nominal.period // common
        return whole if parts == 1 else f"{whole}/{parts}"
    if 0 < nominal.wraps < 2 * nominal.period:
        first = _distinct(nominal.upto(2 * nominal.period)[0])
    else:
        period = _distinct(nominal.array[0])
        first = sorted({*period, *(index + nominal.advance for index in period)})
    return min((after - before for before, after in pairwise(first)), default=None)


def _distinct(first: Array) -> list[int]:
    """Return the indices in an array of them, in order."""
    if first.size > FEW:
        alive = first[first < EMPTY_FROM]
        least = alive.min(initial=BIG)
        if alive.max(initial=0) - least < alive.size:  # dense: counted faster than sorted
            first = np.flatnonzero(np.bincount(alive - least)) + least
        else:
            first = np.unique(alive)
    known = sorted(set(first.ravel().tolist()))
    while known and known[-1] >= EMPTY_FROM:
        known.pop()
    return known


def _start(nominal: Map, spatial: tuple[Kind, ...]) -> int | None:
    """First input index that the unit at position 0 sees, over its channels."""
    unit = tuple([slice(0, 1) if flag or d == nominal.dim else slice(None) for d, flag in enumerate(spatial)])
    first = nominal.array[0][unit]
    lowest = first.item() if first.size == 1 else int(first.min())
    return lowest if lowest < EMPTY_FROM else None


def _halo(nominal: Map) -> Interval | None:
    """Input positions that one period of units reads before and after the ``advance`` positions that are its own.

    ``None`` where positions do not run once and evenly through the axis.
    """
    if not nominal.advance or nominal.wraps:
        return None
    lo, minus_hi = lowest(nominal.array)
    return (max(-lo, 0), max(-minus_hi - nominal.advance + 1, 0)) if lo < EMPTY_FROM else None
