"""Amounts and their changes as people read them: exact counts of parameters, SI for MACs, IEC for bytes."""

from __future__ import annotations

from convinspect import units
from convinspect.diff.amounts import Amount, Change
from convinspect.render.text import Glyphs

_WRITERS = {
    "params": units.exact,
    "trainable_params": units.exact,
    "buffers": units.exact,
    "macs": units.count,
    "allocated_bytes": units.size,
    "weight_bytes": units.size,
    "inference_peak_bytes": units.size,
    "training_peak_bytes": units.size,
}
# What is less than this is not printed as nothing.
_LEAST_PERCENT = 0.01


def amount(name: str, value: Amount, glyphs: Glyphs) -> str:
    """Return ``value`` of the measure ``name`` as it is printed: ``1.814G``, ``>= 3``, ``?``."""
    if value.value is None:
        return "?"
    return (f"{glyphs.at_least} " if value.at_least else "") + _WRITERS[name](value.value)


def change(name: str, value: Change, glyphs: Glyphs) -> str:
    """Return what was added, with its sign: ``+73,984``; nothing where nothing was, ``?`` where it is not known."""
    if value.value is None:
        return "?"
    if value.bound == "exact" and not value.value:
        return ""
    bound = {"exact": "", "at_least": f"{glyphs.at_least} ", "at_most": f"{glyphs.at_most} "}[value.bound]
    return f"{bound}{'+' if value.value >= 0 else ''}{_WRITERS[name](value.value)}"


def percent(value: Change, glyphs: Glyphs) -> str:
    """Return the change as a share of what was there: ``+86.5%``; nothing where there was nothing."""
    share = value.share
    if share is None:
        return "?" if value.value is None or value.before.at_least else ""
    if value.bound == "exact" and not share:
        return ""
    bound = f"{glyphs.at_least} " if value.bound == "at_least" else ""
    return f"{bound}{'-' if share < 0 else '+'}{_share(abs(100 * share))}%"


def _share(value: float) -> str:
    if 0 < value < _LEAST_PERCENT:
        return f"<{_LEAST_PERCENT}"
    if 99.95 <= value < 100:  # noqa: PLR2004 - all but a little is not all
        return "99.9"
    return f"{value:.1f}" if value >= 1 else f"{value:.2f}"
