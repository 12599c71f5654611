"""Which indices output ``o`` of a window operator reads along one axis: real ones, and the rule behind them.

A `Window` says it twice, from one formula. ``index`` is the exact answer for a real length, with what falls into the
padding marked; ``advance`` and ``taps`` are the unclipped rule: output ``o = period*q + f`` reads
``advance*q + taps[f]``, from which nominal fields are made.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from convinspect.fields.hulls.arrays import BIG, Array

OUTSIDE = -1
LONGEST_PERIOD = 64


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """Taps of one operator along one axis.

    ``index`` is ``(outputs, taps)`` of positions in the tensor read, `OUTSIDE` where a tap reads padding or nothing;
    ``taps`` is ``(period, taps)``, unclipped, ``BIG`` for a tap that a phase does not have, or ``None`` where no
    periodic rule is known; ``ends`` are the first and the last of a rule that is one for all outputs.
    """

    index: Array
    covered: bool
    complete: bool
    advance: int
    taps: Array | None
    identity: bool
    ends: tuple[int, int] | None

    @property
    def outputs(self) -> int:
        """How many positions the window operator puts out."""
        return len(self.index)


def make_window(index: Array, length: int, advance: int, taps: Array | None) -> Window:
    """Build a `Window`; positions of ``index`` outside ``0..length-1`` read nothing."""
    inside = (index >= 0) & (index < length)
    index = np.where(inside, index, OUTSIDE)
    identity = index.shape == (length, 1) and bool((index[:, 0] == np.arange(length)).all())
    covered = bool(inside.any(axis=1).all())
    one_phase = taps is not None and len(taps) == 1 and taps.max() < BIG
    ends = (int(taps.min()), int(taps.max())) if taps is not None and one_phase else None
    return Window(index, covered, bool(inside.all()), advance, taps, identity, ends)


def periodic(length: int, outputs: int, advance: int, taps: Array) -> Window:
    """Build the `Window` of an unclipped rule, by following it from output 0 to the last."""
    period = len(taps)
    output = np.arange(outputs, dtype=np.int64)
    index = (output // period * advance)[:, None] + taps[output % period]
    return make_window(index, length, advance, taps)


def places(length: int, kernel: int, stride: int, padding: int, dilation: int) -> int:
    """How many windows of a convolution or pooling there are along an axis of ``length``."""
    return (length + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1


def runs(first: Array, last: Array) -> Array:
    """Spell out the taps ``first..last-1`` per row; shorter rows end in ``BIG``."""
    taps = first[:, None] + np.arange(max(int((last - first).max()), 1), dtype=np.int64)
    return np.where(taps < last[:, None], taps, BIG)


@lru_cache(maxsize=4096)
def sliding(length: int, outputs: int, kernel: int, stride: int, padding: int, dilation: int) -> Window:
    """Convolution and pooling: output ``o`` reads ``o*stride - padding + dilation*t``, ``t < kernel``."""
    taps = (np.arange(kernel, dtype=np.int64) * dilation - padding)[None]
    return periodic(length, outputs, stride, taps)


@lru_cache(maxsize=1024)
def transposed(length: int, outputs: int, kernel: int, stride: int, padding: int, dilation: int) -> Window:
    """Transposed convolution and fold: output ``o`` reads ``(o + padding - dilation*t)/stride`` where it divides."""
    offset = np.arange(stride, dtype=np.int64)[:, None] + padding - dilation * np.arange(kernel, dtype=np.int64)
    taps = np.where(offset % stride == 0, offset // stride, BIG)
    return periodic(length, outputs, 1, taps)


@lru_cache(maxsize=1024)
def adaptive(length: int, outputs: int) -> Window:
    """Adaptive pooling: output ``o`` reads ``floor(o*n/m)`` to ``ceil((o+1)*n/m) - 1``."""
    common = math.gcd(length, outputs)
    advance, period = length // common, outputs // common
    phase = np.arange(period, dtype=np.int64)
    first = phase * length // outputs
    last = -(-(phase + 1) * length // outputs)
    return periodic(length, outputs, advance, runs(first, last))


def padding(length: int, left: int, right: int, mode: str = "constant") -> Window:
    """Padding (or, where negative, cropping): nothing outside, or the edge, the mirrored or the wrapped index."""
    position = np.arange(-left, length + right, dtype=np.int64)
    folds: dict[str, Callable[[Array], Array]] = {
        "constant": lambda p: p,
        "replicate": lambda p: np.clip(p, 0, length - 1),
        "reflect": lambda p: np.abs((length - 1) - np.abs((length - 1) - p)),
        "circular": lambda p: p % length,
    }
    index = folds[mode](position)[:, None]
    return make_window(index, length, 1, np.array([[-left]], dtype=np.int64))


@lru_cache(maxsize=1024)
def slicing(length: int, outputs: int, start: int, step: int) -> Window:
    """A slice: output ``o`` is position ``start + o*step``; a negative step counts back, as in a flip."""
    return periodic(length, outputs, step, np.array([[start]], dtype=np.int64))


@lru_cache(maxsize=1024)
def rolling(length: int, shift: int) -> Window:
    """A cyclic shift; its rule is that of the longer of the two runs."""
    shift %= max(length, 1)
    index = ((np.arange(length, dtype=np.int64) - shift) % max(length, 1))[:, None]
    if shift * 2 == length:
        return make_window(index, length, 1, None)
    start = -shift if shift * 2 < length else length - shift
    return make_window(index, length, 1, np.array([[start]], dtype=np.int64))


def stretching(length: int, times: int) -> Window:
    """Repeat each position ``times`` times."""
    return periodic(length, length * times, 1, np.zeros((times, 1), dtype=np.int64))


def taking(length: int, index: Array) -> Window:
    """Positions by their numbers: output ``o`` is position ``index[o]``.

    Its rule is that of the shortest period in which the numbers advance evenly, of a cyclic shift, or nothing but
    themselves.
    """
    outputs = len(index)
    if outputs == 1:
        return slicing(length, 1, int(index[0]), 1)
    for period in range(1, min(outputs // 2, LONGEST_PERIOD) + 1):
        steps = index[period:] - index[:-period]
        if steps[0] and (steps == steps[0]).all():
            return periodic(length, outputs, int(steps[0]), index[:period, None])
    if outputs == length and ((index - index[0]) % length == np.arange(length)).all():
        return rolling(length, -int(index[0]))
    return make_window(index[:, None], length, 0, index[:, None])
