"""What runs along a dimension of a tensor: positions, samples, others (channels), or several merged into one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import TypeAlias

from convinspect.fields.hulls.arrays import Shape, reshape_groups


@dataclass(frozen=True, slots=True)
class Mixed:
    """A dimension into which positions were merged with others; it is true where these are samples alone.

    ``digits`` are what was merged, outermost first: sizes, and what runs along them. None: that is lost.
    """

    digits: tuple[tuple[int, bool | None], ...] = ()

    def __bool__(self) -> bool:
        """Tell whether positions run along it one by one."""
        return bool(self.digits) and all(kind is not False for _, kind in self.digits)


# True: positions; ``None``: samples.
Kind: TypeAlias = "bool | Mixed | None"
BATCH: Kind = None


def is_mixed(kind: Kind) -> bool:
    """Tell whether positions run along a dimension, but not one by one."""
    return isinstance(kind, Mixed) and not kind


def has_units(kind: Kind) -> bool:
    """Tell whether positions run along a dimension, alone or with others."""
    return bool(kind) or is_mixed(kind)


def joined(kinds: Iterable[Kind]) -> Kind:
    """Tell what runs along a dimension in which those of several tensors meet."""
    return max(dict.fromkeys(kinds), key=lambda kind: (bool(kind), is_mixed(kind), kind is BATCH), default=False)


@lru_cache(maxsize=4096)
def broadcast(kinds: tuple[tuple[Kind, ...], ...], shapes: tuple[Shape, ...], shape: Shape) -> tuple[Kind, ...]:
    """Tell what runs along the dimensions of ``shape``, to which tensors of ``shapes`` are broadcast."""
    operands = list(zip(kinds, shapes, strict=True))
    return tuple(joined(own[dim] for own, sizes in operands if sizes[dim] == size) for dim, size in enumerate(shape))


@lru_cache(maxsize=4096)
def regrouped(kinds: tuple[Kind, ...], before: Shape, after: Shape, along: tuple[int, ...]) -> tuple[Kind, ...]:
    """Tell what runs along the dimensions of ``after``, a reshape of ``before``; maps run ``along`` some dimensions.

    Positions merged with positions (or with the batch) stay positions. So does one dimension of positions that takes
    others in as its last digits, as in a pixel shuffle, or a batch of windows with their heads. What was merged in
    another way is mixed, until a reshape takes it apart again.
    """
    result: list[Kind] = [False] * len(after)
    groups = reshape_groups(before, after)
    samples = sum(len(outer) for inner, outer in groups if inner and all(kinds[dim] is BATCH for dim in inner))
    for inner, outer in groups:
        real = [dim for dim in inner if before[dim] > 1]
        # Without a dimension beside it, all that there is was flattened.
        takes_in = len(real) > 1 and real[0] in along and len(after) - samples > 1
        if not inner:
            # What is put in front of all is a batch.
            found: Sequence[Kind] = [BATCH if dim == 0 else False for dim in outer]
        elif not real:
            # A position axis of length 1 is still one.
            found = [joined(kinds[dim] for dim in inner)] * len(outer)
        elif takes_in and kinds[real[0]] and all(kinds[dim] is False for dim in real[1:]):
            found = [True] * len(outer)
        else:
            found = _split(
                [digit for dim in real for digit in _digits(kinds[dim], before[dim])], [after[d] for d in outer]
            )
        for dim, kind in zip(outer, found, strict=True):
            result[dim] = kind
    return tuple(result)


def _digits(kind: Kind, size: int) -> tuple[tuple[int, bool | None], ...]:
    if not isinstance(kind, Mixed):
        return ((size, kind),)
    # Digits of a dimension that was cut or joined since are lost.
    if prod(length for length, _ in kind.digits) == size:
        return kind.digits
    return ((size, True),) if kind else ((0, False),)


def _split(digits: Sequence[tuple[int, bool | None]], sizes: Sequence[int]) -> list[Kind]:
    """Deal ``digits`` out to dimensions of ``sizes``."""
    if all(kind is True for _, kind in digits):
        return [True] * len(sizes)
    rest = list(digits)
    kinds: list[Kind] = []
    for size in sizes:
        taken: list[tuple[int, bool | None]] = []
        missing = size
        while missing > 1:
            length, kind = rest.pop(0)
            if length == 0 or (missing % length and length % missing):
                return [True if Mixed(tuple(digits)) else Mixed()] * len(sizes)
            taken.append((min(length, missing), kind))
            if length > missing:
                # Of samples by others the first digits are the samples.
                rest.insert(0, (length // missing, bool(kind)))
            missing //= taken[-1][0]
        kinds.append(_kind(taken))
    return kinds


def _kind(digits: Sequence[tuple[int, bool | None]]) -> Kind:
    flags = {kind for _, kind in digits}
    if len(flags) > 1 and True in flags:
        return Mixed(tuple(digits))
    return digits[0][1] if digits else False
