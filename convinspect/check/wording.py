"""Values and limits in words: rounded as everywhere, and in full wherever rounding would hide what differs."""

from __future__ import annotations

import math
from typing import TypeAlias

from convinspect import units
from convinspect.check.metrics import EVERYTHING, Metric, Reading

# A whole number, or infinity.
Number: TypeAlias = "int | float"

# Shorter counts are as easy to read in full.
_LONG = 1_000_000
# Less than this, in percent, would read as nothing.
_LEAST = 0.1


def pair(metric: Metric, value: Number, limit: Number) -> tuple[str, str]:
    """Return ``value`` and ``limit`` in the same form: rounded, unless they differ and would read the same."""
    short = amount(metric, value), amount(metric, limit)
    if value != limit and short[0] == short[1]:
        return in_full(metric, value), in_full(metric, limit)
    return short


def amount(metric: Metric, value: Number) -> str:
    """Return ``value`` as people read it: ``25,557,032`` parameters, ``4.089G`` MACs, ``85.31 KiB``."""
    if value == EVERYTHING:
        return "the whole input"
    if metric.unit == "bytes":
        return units.size(int(value))
    if metric.in_full or metric.unit == "positions" or value < _LONG:
        return units.exact(int(value))
    return units.count(int(value))


def in_full(metric: Metric, value: Number) -> str:
    """Return every digit of ``value``; bytes with their unit."""
    if value == EVERYTHING:
        return "the whole input"
    return units.exact(int(value)) + (" B" if metric.unit == "bytes" else "")


def reading(read: Reading, known: str) -> str:
    """Return what is known of a value whose known end reads ``known``."""
    if read.is_exact:
        return known
    if read.is_unknown:
        return "not known"
    return f"{'>=' if read.high == math.inf else '<='} {known}"


def share(part: Number, of: Number) -> str:
    """Return ``part``, which is not negative, as a percentage of ``of``; empty where there is nothing to divide by."""
    if not of or math.inf in (part, of):
        return ""
    percent = 100 * part / of
    if 0 < percent < _LEAST:
        return f"<{_LEAST}%"
    if 100 - _LEAST / 2 <= percent < 100:  # noqa: PLR2004 - all but a little is not all
        return f">{100 - _LEAST}%"
    return f"{percent:,.1f}%"


def margin(metric: Metric, value: Number, limit: Number, *, least: bool) -> str:
    """Return how far ``value`` is from ``limit``: ``1,200 left (5.0%)``, ``1 over (<0.1%)``, ``12 short``."""
    if math.inf in (value, limit):
        return ""
    within = value >= limit if least else value <= limit
    word = {(True, True): "above", (True, False): "short", (False, True): "left", (False, False): "over"}[least, within]
    gap = abs(value - limit)
    hidden = gap and amount(metric, value) == amount(metric, limit)
    portion = share(gap, limit) if gap else ""
    text = in_full(metric, gap) if hidden else amount(metric, gap)
    return f"{text} {word}" + (f" ({portion})" if portion else "")
