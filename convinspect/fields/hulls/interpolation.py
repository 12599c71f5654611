"""Windows of interpolation: which positions each output of a resize reads along one axis.

The taps are structural: one that happens to have weight 0 counts. Source: ATen/native/UpSample.h.
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import lru_cache

import numpy as np

from convinspect.fields.hulls.arrays import Array
from convinspect.fields.hulls.windows import Window, make_window, runs, sliding


def _source(length: int, outputs: int, scale: float | None, dtype: str, *, align_corners: bool) -> Array:
    """``floor(src)``: between which inputs each output lies, rounded as ATen rounds it.

    ``step * (o + .5) - .5`` is one fused multiply-add there, and ``floorf`` takes it in single precision. Both matter
    where ``src`` is a whole number but for the rounding of ``step``.
    """
    step = _step(length, outputs, scale, dtype)
    if align_corners:
        step = type(step)(length - 1) / type(step)(outputs - 1) if outputs > 1 else type(step)(0)
    exact, half = Fraction(float(step)), Fraction(0 if align_corners else 1, 2)
    source = [type(step)(float(exact * (output + half) - half)) for output in range(outputs)]
    return np.array([math.floor(np.float32(value)) for value in source], dtype=np.int64)


def _step(length: int, outputs: int, scale: float | None, dtype: str) -> np.float32 | np.float64:
    """Input positions per output position, in the operator's precision."""
    real = np.float64 if dtype == "float64" else np.float32
    step: np.float32 | np.float64 = real(1.0 / scale) if scale else real(length) / real(outputs)
    return step


def _ratio(length: int, outputs: int, scale: float | None) -> tuple[int, int]:
    """Input and output positions of one period: exact, also for a scale factor such as 1.5 or 2."""
    if scale:
        top, bottom = float(scale).as_integer_ratio()
        if max(top, bottom) <= 1 << 12:
            return bottom, top
    common = math.gcd(length, outputs)
    return length // common, outputs // common


@lru_cache(maxsize=1024)
def nearest(length: int, outputs: int, scale: float | None, dtype: str, *, exact: bool) -> Window:
    """Nearest reads ``floor(o*n/m)``, nearest-exact ``floor((o+.5)*n/m)``; ``floorf`` takes it in single precision."""
    advance, period = _ratio(length, outputs, scale)
    phase = np.arange(period, dtype=np.int64)
    taps = (2 * phase + 1) * advance // (2 * period) if exact else phase * advance // period
    step = _step(length, outputs, scale, dtype)
    output = np.arange(outputs).astype(step.dtype) + (step.dtype.type(0.5) if exact else step.dtype.type(0))
    index = np.floor((output * step).astype(np.float32)).astype(np.int64)
    return make_window(np.minimum(index, length - 1)[:, None], length, advance, taps[:, None])


@lru_cache(maxsize=1024)
def smooth(
    length: int, outputs: int, scale: float | None, dtype: str, *, align_corners: bool, is_cubic: bool
) -> Window:
    """Linear, bilinear and trilinear read ``floor(src)`` and the next, ``src`` kept inside the input.

    Bicubic reads ``floor(src)-1`` to ``floor(src)+2``, kept inside the input.
    """
    if length == outputs and not is_cubic:
        return sliding(length, outputs, 1, 1, 0, 1)
    reach = np.arange(-1, 3, dtype=np.int64) if is_cubic else np.arange(2, dtype=np.int64)
    source = _source(length, outputs, scale, dtype, align_corners=align_corners)
    index = np.clip((source if is_cubic else np.maximum(source, 0))[:, None] + reach, 0, length - 1)
    advance, taps = _floor_rule(length, outputs, scale, align_corners=align_corners)
    return make_window(index, length, advance, taps[:, None] + reach)


@lru_cache(maxsize=1024)
def antialiased(length: int, outputs: int, scale: float | None, support: float, *, align_corners: bool) -> Window:
    """Antialiased resizing reads what lies within ``support`` (widened by ``n/m`` when shrinking) of ``src + .5``."""
    if length == outputs:
        return sliding(length, outputs, 1, 1, 0, 1)
    if align_corners:
        step = (length - 1) / (outputs - 1) if outputs > 1 else 0.0
    else:
        step = 1.0 / scale if scale else length / outputs
    reach = support * max(step, 1.0)
    center = step * (np.arange(outputs) + 0.5)
    first = np.maximum((center - reach + 0.5).astype(np.int64), 0)
    last = np.minimum((center + reach + 0.5).astype(np.int64), length)
    advance, period = _ratio(length, outputs, scale)
    if align_corners:
        return make_window(runs(first, last), length, advance, None)
    phase = advance / period * (np.arange(period) + 0.5)
    low, high = np.floor(phase - reach + 0.5).astype(np.int64), np.floor(phase + reach + 0.5).astype(np.int64)
    return make_window(runs(first, last), length, advance, runs(low, high))


def _floor_rule(length: int, outputs: int, scale: float | None, *, align_corners: bool) -> tuple[int, Array]:
    """``floor(src)`` of one period, unclipped and in whole numbers."""
    if align_corners:
        common = math.gcd(length - 1, outputs - 1) if outputs > 1 else 1
        advance = (length - 1) // common if outputs > 1 else 0
        period = max((outputs - 1) // common, 1)
        return advance, np.arange(period, dtype=np.int64) * advance // period
    advance, period = _ratio(length, outputs, scale)
    phase = np.arange(period, dtype=np.int64)
    return advance, ((2 * phase + 1) * advance - period) // (2 * period)
