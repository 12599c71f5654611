"""What runs along a dimension of a tensor: positions, others (batch, channels), or both merged into one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import prod
from typing import TypeAlias

from convinspect.fields.hulls.arrays import Shape, reshape_groups


@dataclass(frozen=True, slots=True)
class Mixed:
    """A dimension into which positions were merged with others, and so no dimension of positions (it is false).

    ``digits`` are what was merged, outermost first: sizes, and whether they are positions. None: that is lost.
    """

    digits: tuple[tuple[int, bool], ...] = ()

    def __bool__(self) -> bool:
        """Positions do not run along it one by one."""
        return False


# True: positions.
Kind: TypeAlias = "bool | Mixed"


def joined(kinds: Iterable[Kind]) -> Kind:
    """Tell what runs along a dimension in which those of several tensors meet."""
    found = list(kinds)
    return any(found) or next((kind for kind in found if isinstance(kind, Mixed)), False)


def regrouped(kinds: Sequence[Kind], before: Shape, after: Shape, along: Iterable[int]) -> tuple[Kind, ...]:
    """Tell what runs along the dimensions of ``after``, a reshape of ``before``; maps run ``along`` some dimensions.

    Positions merged with positions (or below the batch) stay positions. So does one dimension of positions that takes
    others in as its last digits, as in a pixel shuffle, or a batch of windows with their heads. What was merged in
    another way is mixed, until a reshape takes it apart again.
    """
    result: list[Kind] = [False] * len(after)
    for inner, outer in reshape_groups(before, after):
        real = [dim for dim in inner if before[dim] > 1]
        takes_in = len(after) > 2 and len(real) > 1 and real[0] in along  # noqa: PLR2004 - batch and features
        if not real:
            # A position axis of length 1 is still one.
            found: Sequence[Kind] = [joined(kinds[dim] for dim in inner)] * len(outer)
        elif not any(isinstance(kinds[dim], Mixed) for dim in real) and (
            (all(kinds[dim] for dim in real if dim > 0 or kinds[dim]) and any(kinds[dim] for dim in real))
            or (takes_in and kinds[real[0]] and not any(kinds[dim] for dim in real[1:]))
        ):
            found = [True] * len(outer)
        else:
            found = _split(
                [digit for dim in real for digit in _digits(kinds[dim], before[dim])], [after[d] for d in outer]
            )
        for dim, kind in zip(outer, found, strict=True):
            result[dim] = kind
    return tuple(result)


def _digits(kind: Kind, size: int) -> tuple[tuple[int, bool], ...]:
    if not isinstance(kind, Mixed):
        return ((size, kind),)
    # Digits of a dimension that was cut or joined since are lost.
    return kind.digits if prod(length for length, _ in kind.digits) == size else ((0, True),)


def _split(digits: Sequence[tuple[int, bool]], sizes: Sequence[int]) -> list[Kind]:
    """Deal ``digits`` out to dimensions of ``sizes``."""
    rest = list(digits)
    kinds: list[Kind] = []
    for size in sizes:
        taken: list[tuple[int, bool]] = []
        missing = size
        while missing > 1:
            length, positions = rest.pop(0)
            if length == 0 or (missing % length and length % missing):
                return [Mixed()] * len(sizes)
            taken.append((min(length, missing), positions))
            if length > missing:
                rest.insert(0, (length // missing, positions))
            missing //= taken[-1][0]
        kinds.append(_kind(taken))
    return kinds


def _kind(digits: Sequence[tuple[int, bool]]) -> Kind:
    flags = {positions for _, positions in digits}
    return Mixed(tuple(digits)) if len(flags) > 1 else True in flags
