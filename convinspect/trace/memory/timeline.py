"""Which storages are alive during a run: what each holds in bytes, who made it, when it came and went.

Storages are what an allocator sees: a view or an in-place operator shares one, and it is freed when the last tensor
on it, in Python, in C++ or in the autograd graph, is gone. They are watched through weak references: torch keeps the
Python object of a storage for as long as its C++ object lives, so nothing is kept alive and nothing is missed.
"""

from __future__ import annotations

import weakref
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import torch

from convinspect.records import AliveKind
from convinspect.tensors.identity import memory_of, storage_id

# The moment before the first operator.
START = -1


@dataclass(slots=True, eq=False)
class Allocation:
    """One storage of ``bytes``: made by call ``owner`` (-1: none), alive from moment ``born`` until ``died``.

    ``kind`` may be told later (what was a gradient is known after the backward pass). A ``pinned`` one goes on after
    its storage is ``gone``, as if someone still held it.
    """

    bytes: int
    kind: AliveKind
    owner: int
    born: int
    died: int | None = None
    pinned: bool = False
    gone: bool = False

    def is_alive_at(self, moment: int) -> bool:
        """Tell whether the storage is there right after operator ``moment`` has run."""
        return self.born <= moment and (self.died is None or self.died > moment)


class Timeline:
    """All allocations of one run. Time is counted in operators: `tick` ends one."""

    def __init__(self) -> None:
        self.now = 0
        self.live = 0
        self.peak = 0
        self.peak_at = START
        self._all: list[Allocation] = []
        self._known: dict[int, _Held] = {}

    def knows(self, tensor: torch.Tensor) -> bool:
        """Tell whether the one storage of ``tensor`` is counted; no of one that has several, or none."""
        return storage_id(tensor) in self._known

    def hold(self, tensor: torch.Tensor, kind: AliveKind, owner: int = START, *, since_start: bool = False) -> int:
        """Count the storages of ``tensor`` that are not known yet, and return their bytes.

        ``since_start``: they were there before the first operator, although nobody had seen them.
        """
        if self.knows(tensor):
            return 0
        new = 0
        for key, storage, size in memory_of(tensor):
            if key not in self._known:
                held = self._known[key] = _Held(storage, self._end)
                held.key = key
                held.allocation = Allocation(size, kind, owner, START if since_start else self.now)
                self._all.append(held.allocation)
                new += size
        self.live += new
        if since_start:
            self.peak += new  # every earlier moment had them too
        return new

    def assume(self, size: int, kind: AliveKind) -> None:
        """Count ``size`` bytes that are there from start to end and in no storage."""
        if size:
            self._all.append(Allocation(size, kind, START, START))
            self.live += size

    def resized(self, tensor: torch.Tensor, owner: int) -> int:
        """Take note that an operator may have resized the storages of ``tensor``; return the bytes they grew by."""
        grown = 0
        for key, _, size in memory_of(tensor):
            held = self._known.get(key)
            if held is None or held.allocation.bytes == size or held.allocation.pinned:
                continue
            # The allocator makes a new block and frees the old one.
            before = held.allocation
            before.died = self.now
            held.allocation = Allocation(size, before.kind, owner, self.now)
            self._all.append(held.allocation)
            self.live += size - before.bytes
            grown += max(size - before.bytes, 0)
        return grown

    def settle(self) -> None:
        """Begin to look for the peak: what is alive now was there before the first operator."""
        self.peak, self.peak_at = self.live, self.now - 1

    def tick(self) -> None:
        """End an operator: the bytes that are alive now may be the peak."""
        if self.live > self.peak:
            self.peak, self.peak_at = self.live, self.now
        self.now += 1

    def find(self, tensors: Iterable[torch.Tensor]) -> Iterator[Allocation]:
        """Yield the allocations that ``tensors`` lie in, each once."""
        keys = dict.fromkeys(key for tensor in tensors for key, _, _ in memory_of(tensor))
        yield from (self._known[key].allocation for key in keys if key in self._known)

    def allocations(self) -> Iterator[Allocation]:
        """Yield all there were, in the order in which they came."""
        return iter(self._all)

    def alive(self) -> Iterator[Allocation]:
        """Yield what is alive now: less than after the last operator, whose arguments may be gone."""
        return (allocation for allocation in self._all if allocation.died is None)

    def alive_at(self, moment: int) -> Iterator[Allocation]:
        """Yield what was alive right after operator ``moment``."""
        return (allocation for allocation in self._all if allocation.is_alive_at(moment))

    def live_in_blocks(self, block: int) -> int:
        """Return what is alive now, with every storage rounded up to a multiple of ``block`` bytes."""
        return sum(_rounded(allocation.bytes, block) for allocation in self.alive())

    def peak_in_blocks(self, block: int) -> int:
        """Return the peak over all operators, with every storage rounded up to a multiple of ``block`` bytes."""
        change: Counter[int] = Counter()
        for allocation in self._all:
            size = _rounded(allocation.bytes, block)
            change[allocation.born] += size
            if allocation.died is not None:
                change[allocation.died] -= size
        return max(accumulate(change[moment] for moment in sorted(change)), default=0)

    def _end(self, held: _Held) -> None:
        self._known.pop(held.key, None)
        allocation = held.allocation
        allocation.gone = True
        if not allocation.pinned:
            allocation.died = self.now
            self.live -= allocation.bytes


class _Held(weakref.ref[Any]):
    """A storage, its identity, and the allocation that it is now; a closure each would be many objects more."""

    __slots__ = ("allocation", "key")
    allocation: Allocation
    key: int


def _rounded(size: int, block: int) -> int:
    return -(-size // block) * block
