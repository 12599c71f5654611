"""Maps of tensors that meet: one period for all of them, or no map for any."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from convinspect.fields.hulls import arrays
from convinspect.fields.hulls.arrays import BIG
from convinspect.fields.hulls.hull import LARGEST_PERIOD, Absent, Hull, Map, NoMapError, Nominal, map_or_reason
from convinspect.fields.hulls.reading import read
from convinspect.fields.hulls.windows import slicing


def merge(first: Nominal, second: Nominal) -> Nominal:
    """Hull of two maps of tensors that are broadcast to one shape."""
    if first is Absent.NOTHING:
        return second
    if second is Absent.NOTHING or first is second:
        return first
    if isinstance(first, Absent) or isinstance(second, Absent):
        return Absent.MISALIGNED
    return map_or_reason(_merged, first, second)


def concatenate(parts: Sequence[Nominal], sizes: Sequence[int], dim: int) -> Nominal:
    """Join maps: along channels side by side, along positions as that of the part that is most of the result."""
    found = [part for part in parts if isinstance(part, Map)]
    if Absent.MISALIGNED in parts:
        return Absent.MISALIGNED
    if not found:
        return Absent.CONSUMED if Absent.CONSUMED in parts else Absent.NOTHING
    if any(part.dim == dim for part in found):
        return map_or_reason(_extended, parts, sizes, dim)
    if Absent.CONSUMED in parts or any((part.dim, part.wraps) != (found[0].dim, found[0].wraps) for part in found):
        return Absent.MISALIGNED
    return map_or_reason(_side_by_side, parts, found, sizes, dim)


def _merged(first: Map, second: Map) -> Map:
    if first.dim == second.dim:
        first, second = _alike([first, second])
        return first.of(np.minimum(first.array, second.array)).simplified()
    # A pair of positions, as in the scores of attention, has no place along the axis.
    raise NoMapError(Absent.CONSUMED)


def _alike(maps: Sequence[Map]) -> list[Map]:
    """Bring maps along one dimension to one period; raises `NoMapError` where their strides differ."""
    if any(one.wraps != maps[0].wraps for one in maps):
        maps = [one.unwrapped() for one in maps]
    paces = {(one.advance, one.period) for one in maps}
    period = math.lcm(*(own for _, own in paces))
    if period > LARGEST_PERIOD or any(advance * maps[0].period != maps[0].advance * own for advance, own in paces):
        raise NoMapError(Absent.MISALIGNED)
    return [one.stretched(period) for one in maps]


def _extended(parts: Sequence[Nominal], sizes: Sequence[int], dim: int) -> Hull:
    """Take the longest part as the rule and the others as its border, as in padding or a class token.

    Where these see more or less than it does (levels of a pyramid), every position is written out.
    """
    largest = max(range(len(parts)), key=lambda number: sizes[number])
    main, known = parts[largest], [part for part in parts if isinstance(part, Map)]
    others = [size for number, size in enumerate(sizes) if number != largest and parts[number] is not Absent.NOTHING]
    is_rule = isinstance(main, Map) and main.dim == dim and sum(others) < sizes[largest]
    if isinstance(main, Map) and is_rule and _sizes(known) == _sizes([main]):
        return read(main, dim, slicing(sizes[largest], sum(sizes), -sum(sizes[:largest]), 1), positions=True)
    if Absent.CONSUMED in parts or any(part.dim != dim for part in known) or sum(sizes) > LARGEST_PERIOD:
        raise NoMapError(Absent.MISALIGNED)
    blank = arrays.nothing(known[0].rank)
    written = [
        part.written_out(size).array if isinstance(part, Map) else blank
        for part, size in zip(parts, sizes, strict=True)
    ]
    return Map(arrays.concatenate(written, sizes, dim), dim, 0).simplified()


def _sizes(maps: Sequence[Map]) -> set[int]:
    """Return how many indices positions depend on, unclipped."""
    return {int(size) for one in maps for size in np.unique(-one.array[1] - one.array[0])}


def _side_by_side(parts: Sequence[Nominal], found: Sequence[Map], sizes: Sequence[int], dim: int) -> Map:
    """Put the maps of channel groups next to each other; a group without one depends on nothing."""
    alike = _alike(found)
    others = [dim for dim in range(alike[0].rank) if dim != alike[0].dim]
    blank = None if len(found) == len(parts) else np.full_like(arrays.reduce(alike[0].array, others), BIG)
    maps = iter(alike)
    stretched = [blank if blank is not None and not isinstance(part, Map) else next(maps).array for part in parts]
    return alike[0].of(arrays.concatenate(stretched, sizes, dim)).simplified()
