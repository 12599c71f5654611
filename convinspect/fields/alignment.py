"""Nominal maps of tensors that meet: one period for both, or no map for either."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from convinspect.fields.bounds import BIG
from convinspect.fields.nominal import (
    LARGEST_PERIOD,
    Absent,
    Map,
    Nominal,
    simplify,
    stretch,
    unwrapped,
    written_out,
)


def common_period(first: Map, second: Map) -> tuple[Map, Map] | None:
    """Bring two maps along one dimension to one period; ``None`` where their strides differ."""
    if first.wraps != second.wraps:
        first, second = unwrapped(first), unwrapped(second)
    if first.advance * second.period != second.advance * first.period:
        return None
    period = math.lcm(first.period, second.period)
    if period > LARGEST_PERIOD:
        return None
    return stretch(first, period), stretch(second, period)


def merge(first: Nominal, second: Nominal, shape: tuple[int, ...]) -> Nominal:
    """Hull of two maps of tensors broadcast to ``shape``."""
    if first is Absent.NOTHING:
        return second
    if second is Absent.NOTHING or first is second:
        return first
    if isinstance(first, Absent) or isinstance(second, Absent):
        return Absent.CONSUMED if first is second else Absent.MISALIGNED
    if first.dim != second.dim:
        return _merge_crossed(first, second, shape)
    pair = common_period(first, second)
    if pair is None:
        return Absent.MISALIGNED
    hull = np.minimum(pair[0].bounds, pair[1].bounds)
    merged = replace(pair[0], bounds=hull)
    return merged if merged.period == 1 else simplify(merged)


def _merge_crossed(first: Map, second: Map, shape: tuple[int, ...]) -> Nominal:
    """Hull where one map runs along another dimension, as in the scores of attention: nothing advances."""
    here = written_out(first, shape[first.dim])
    there = written_out(second, shape[second.dim])
    if here.bounds.size > BIG >> 14 or there.bounds.size > BIG >> 14:
        return Absent.MISALIGNED
    hull = np.minimum(here.bounds, there.bounds)
    return Map(first.dim, 0, hull)
