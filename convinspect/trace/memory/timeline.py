"""Which storages are alive during a run: what each holds in bytes, who made it, when it came and went.

Storages are what an allocator sees: a view or an in-place operator shares one, and it is freed when the last tensor
on it, in Python, in C++ or in the autograd graph, is gone. They are watched through weak references: torch keeps the
Python object of a storage for as long as its C++ object lives, so nothing is kept alive and nothing is missed.
"""

from __future__ import annotations

import weakref
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import torch
from torch.nn.parameter import is_lazy
from torch.utils._python_dispatch import is_traceable_wrapper_subclass

from convinspect.records import AliveKind
from convinspect.tensors.describe import sparse_parts

# The moment before the first operator.
START = -1


@dataclass(slots=True, eq=False)
class Allocation:
    """One storage of ``bytes``: made by call ``owner`` (-1: none), alive from moment ``born`` until ``died``.

    ``kind`` may be told later (what was a gradient is known after the backward pass). A ``pinned`` life goes on
    after its storage is gone, as if someone still held it.
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
    """All storages of one run. Time is counted in operators: `tick` ends one."""

    def __init__(self) -> None:
        self.now = 0
        self.live = 0
        self.peak = 0
        self.peak_at = START
        self._lives: list[Allocation] = []
        self._known: dict[int, tuple[Allocation, Any]] = {}

    def hold(self, value: Any, kind: AliveKind, owner: int = START, *, since_start: bool = False) -> int:
        """Count the storages of the tensor ``value`` that are not known yet, and return their bytes.

        ``since_start``: they were there before the first operator, although nobody had seen them.
        """
        new = 0
        for storage, size in _held(value):
            key = _key(storage)
            if key not in self._known:
                life = Allocation(size, kind, owner, START if since_start else self.now)
                self._lives.append(life)
                self._known[key] = (life, weakref.ref(storage, self._on_death(key, life)))
                new += size
        self.live += new
        if since_start:
            self.peak += new  # every earlier moment had them too
        return new

    def assume(self, size: int, kind: AliveKind) -> None:
        """Count ``size`` bytes that are there from start to end and in no storage."""
        if size:
            self._lives.append(Allocation(size, kind, START, START))
            self.live += size

    def resized(self, value: Any, owner: int) -> int:
        """Take note that an operator may have resized the storages of ``value``; return the bytes they grew by."""
        grown = 0
        for storage, size in _held(value):
            life, reference = self._known.get(_key(storage), (None, None))
            if life is None or life.bytes == size or life.pinned:
                continue
            # The allocator makes a new block and frees the old one.
            life.died = self.now
            longer = Allocation(size, life.kind, owner, self.now)
            self._lives.append(longer)
            self._known[_key(storage)] = (longer, reference)
            self.live += size - life.bytes
            grown += max(size - life.bytes, 0)
        return grown

    def settle(self) -> None:
        """Begin to look for the peak: what is alive now was there before the first operator."""
        self.peak, self.peak_at = self.live, self.now - 1

    def tick(self) -> None:
        """End an operator: the bytes that are alive now may be the peak."""
        if self.live > self.peak:
            self.peak, self.peak_at = self.live, self.now
        self.now += 1

    def lives_of(self, values: Iterable[Any]) -> Iterator[Allocation]:
        """Yield the lives of the storages of ``values``, each once."""
        keys = dict.fromkeys(_key(storage) for value in values for storage, _ in _held(value))
        yield from (self._known[key][0] for key in keys if key in self._known)

    def alive(self) -> Iterator[Allocation]:
        """Yield what is alive now: less than after the last operator, whose arguments may be gone."""
        return (life for life in self._lives if life.died is None)

    def alive_at(self, moment: int) -> Iterator[Allocation]:
        """Yield what was alive right after operator ``moment``."""
        return (life for life in self._lives if life.is_alive_at(moment))

    def live_in_blocks(self, block: int) -> int:
        """Return what is alive now, with every storage rounded up to a multiple of ``block`` bytes."""
        return sum(_rounded(life.bytes, block) for life in self.alive())

    def peak_in_blocks(self, block: int) -> int:
        """Return the peak over all operators, with every storage rounded up to a multiple of ``block`` bytes."""
        change: Counter[int] = Counter()
        for life in self._lives:
            change[life.born] += _rounded(life.bytes, block)
            if life.died is not None:
                change[life.died] -= _rounded(life.bytes, block)
        return max(accumulate(change[moment] for moment in sorted(change)), default=0)

    def _on_death(self, key: int, first: Allocation) -> Callable[[object], None]:
        def end(_reference: object) -> None:
            life = self._known.pop(key, (first, None))[0]
            life.gone = True
            if not life.pinned:
                life.died = self.now
                self.live -= life.bytes

        return end


def storage_bytes(values: Iterable[Any]) -> int:
    """Return the bytes of the storages that ``values`` lie in, each counted once."""
    return sum({_key(storage): size for value in values for storage, size in _held(value)}.values())


def identity(tensor: torch.Tensor) -> tuple[Any, ...]:
    """Return what two names of one weight share: the same piece of the same storage."""
    if is_lazy(tensor) or tensor.layout is not torch.strided or not tensor.numel():
        return (id(tensor),)
    try:
        storage = tensor.untyped_storage()._cdata  # noqa: SLF001 - the only identity that meta storages have
    except (NotImplementedError, RuntimeError):  # a subclass without a storage of its own
        return (id(tensor),)
    return (storage, tensor.storage_offset(), tuple(tensor.shape), tensor.stride())


def _rounded(size: int, block: int) -> int:
    return -(-size // block) * block


def _key(storage: Any) -> int:
    return storage._cdata if isinstance(storage, torch.UntypedStorage) else id(storage)  # noqa: SLF001 - its identity


def _held(value: Any) -> Iterator[tuple[Any, int]]:
    """Yield the storages of one tensor with their bytes; a tensor of an opaque layout stands for its own."""
    for tensor in _strided_parts(value):
        storage = _storage(tensor)
        yield (storage, storage.nbytes()) if storage is not None else (tensor, tensor.numel() * tensor.element_size())


def _storage(tensor: torch.Tensor) -> torch.UntypedStorage | None:
    try:
        return tensor.untyped_storage()
    except (NotImplementedError, RuntimeError):
        return None


def _strided_parts(value: torch.Tensor) -> Iterator[torch.Tensor]:
    if is_traceable_wrapper_subclass(value):
        names, _ = value.__tensor_flatten__()
        for name in names:
            yield from _strided_parts(getattr(value, name))
    else:
        yield from sparse_parts(value)
