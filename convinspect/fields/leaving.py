"""Numbers that leave torch: what comes back of a followed tensor as a number or an array cannot be followed."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import isfinite
from typing import Any

from convinspect.fields.counting import Counts
from convinspect.fields.operations.causes import Cause
from convinspect.tensors.operators import Signature

_ITEM = "aten::_local_scalar_dense"
_SIZE = frozenset(f"aten::{name}" for name in ("size", "sym_size", "sym_numel", "numel"))
# How torch makes a tensor of data from outside.
MADE_OF_DATA = frozenset(("aten::lift_fresh", "aten::lift_fresh_copy"))
# Arguments by which a number says which elements are taken, or how many there are: one of the code says it as well.
_BOUNDS = ("start", "end", "step", "index", "length", "diagonal", "offset", "storage_offset", "shifts", "pad")
_AMOUNTS = ("split_size", "split_sizes", "sections", "chunks", "k", "n", "m", "output_size", "num_classes", "repeats")
_PLACES = frozenset((*_BOUNDS, *_AMOUNTS, "steps"))
# Sizes are mostly those of other tensors: here only the very number counts.
_SIZES = frozenset(("size", "shape", "sizes"))
_FROM, _TO_THE_END, _STEP = (0, None), (sys.maxsize, None), 1


class Left:
    """What has left: ``number`` and ``array`` are where it did first, or ``None``; ``returned``: it came back.

    ``counts`` are of what operators found.

    A truth value is none: what a branch decides is not followed. Nor is text: a model may tell what it sees
    (``is_telling``). Any number that an operator is given afterwards may
    be the one that left, or be worked out of it, a constant of the code too: nobody can tell.
    """

    def __init__(self) -> None:
        self.number: Cause | None = None
        self.array: Cause | None = None
        self.counts = Counts()
        self.returned = False
        self.is_telling = False
        self._is_fraction = False
        self._numbers: set[int] = set()

    def item(self, signature: Signature, out: Any, cause: Cause) -> None:
        """Take note of an operator on a followed tensor that gave ``out``."""
        if signature.name == _ITEM and not isinstance(out, bool) and not self.is_telling:
            self.number = self.number or cause
            if isinstance(out, (int, float)) and isfinite(out) and (not self._is_fraction or out == int(out)):
                self._numbers.add(int(out))
        elif signature.name in _SIZE and out in self.counts.found:
            self.counts.read = self.counts.read or cause

    @contextmanager
    def as_a_fraction(self) -> Iterator[None]:
        """Let the numbers that leave in this block be no sizes unless they are whole as they are."""
        self._is_fraction = True
        try:
            yield
        finally:
            self._is_fraction = False

    def whole(self, cause: Cause, *, as_numbers: bool) -> None:
        """Take note of a followed tensor that became an array or a list (``as_numbers``), or whose memory was lent."""
        self.array = self.array or cause
        if as_numbers:
            self.number = self.number or cause

    def came_back(self, signature: Signature, given: Mapping[str, Any]) -> Cause | None:
        """Return what left before and may be among the arguments of an operator, or in what it makes."""
        if signature.name in MADE_OF_DATA:
            return self.array or self.number or self.counts.read
        if self.number is not None and self._may_hold(signature, given):
            return self.number
        return self.counts.came_back(signature, given, _places(given))

    def _may_hold(self, signature: Signature, given: Mapping[str, Any]) -> bool:
        if any(isinstance(given.get(name), (int, float)) for name in signature.values):
            return True
        if self._numbers.intersection(size for name in _SIZES for size in _whole(given.get(name)) if size > 1):
            return True
        if signature.name == "aten::slice" and _is_all(given):
            return False
        return any(True for _ in _places(given))


def _places(given: Mapping[str, Any]) -> Iterator[int]:
    """Yield the numbers that say which elements are taken, or how many."""
    for name in _PLACES.intersection(given):
        yield from _whole(given[name])


def _whole(value: Any) -> Iterator[int]:
    """Yield the whole numbers in an argument."""
    for item in value if isinstance(value, (list, tuple)) else (value,):
        if isinstance(item, int) and not isinstance(item, bool):
            yield item


def _is_all(given: Mapping[str, Any]) -> bool:
    """Tell a slice that leaves nothing out, whatever the sizes are."""
    return given.get("start") in _FROM and given.get("end") in _TO_THE_END and given.get("step", _STEP) == _STEP
