"""Memory that others than torch may write to, and tensors that came from elsewhere: told by what they hold."""

from __future__ import annotations

import gc
import zlib
from collections.abc import Iterable, Iterator

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef

from convinspect.fields.operations.causes import Cause
from convinspect.tensors.identity import storage_of
from convinspect.tensors.registered import is_scripted, registered_tensors
from convinspect.torch_private import storage_address, undispatched

# Arrays that models share with tensors are tables and states.
LARGEST_ARRAY = 1 << 26


class Lent:
    """Storages by their identity: who lent them to arrays and pointers, and what they held when torch wrote last."""

    def __init__(self) -> None:
        self._lent: dict[int, tuple[StorageWeakRef, Cause, int | None]] = {}
        self._there: dict[int, StorageWeakRef] | None = None

    @property
    def is_awake(self) -> bool:
        """Whether anything was lent or has left; until then there is nothing to look at."""
        return bool(self._lent) or self._there is not None

    def lend(self, tensor: Tensor, cause: Cause) -> None:
        """Take note that ``cause`` gives the memory of ``tensor`` away."""
        storage = storage_of(tensor)
        if storage is not None and storage.device.type != "meta":
            self._lent.setdefault(storage_address(storage), (StorageWeakRef(storage), cause, _contents(storage)))

    def written(self, tensor: Tensor) -> Cause | None:
        """Return what lent the memory of ``tensor``, where somebody has written to it since it was looked at last."""
        storage = storage_of(tensor) if self._lent else None
        found = None if storage is None else self._lent.get(storage_address(storage))
        if storage is None or found is None:
            return None
        alive, cause, before = found
        now = _contents(storage)
        self._lent[storage_address(storage)] = alive, cause, now
        return cause if now is None or now != before else None

    def looked_at(self, tensors: Iterable[Tensor]) -> None:
        """Take what ``tensors`` hold for what torch has written."""
        for tensor in tensors:
            self.written(tensor)

    def look_round(self, cause: Cause) -> None:
        """Remember every tensor that is there when ``cause`` takes the first one out of torch.

        None of them is made of what leaves from now on, but it may be written into those that lie in arrays.
        """
        if self._there is None:
            self._there = {}
            there = [tensor for tensor in _tensors() if storage_of(tensor) is not None]
            self.made(there)
            for tensor in there:
                # Memory that is not torch's own cannot be resized. Weights that are mapped from a file are large.
                storage = tensor.untyped_storage()
                if storage.device.type == "cpu" and not storage.resizable() and storage.nbytes() <= LARGEST_ARRAY:
                    self.lend(tensor, cause)

    def made(self, tensors: Iterable[Tensor]) -> None:
        """Remember ``tensors``, which torch has made."""
        if self._there is not None:
            storages = (storage_of(tensor) for tensor in tensors)
            self._there.update({storage_address(one): StorageWeakRef(one) for one in storages if one is not None})

    def is_from_elsewhere(self, tensor: Tensor) -> bool:
        """Tell a tensor that was not there when numbers left, and that no operator has made."""
        storage = None if self._there is None else storage_of(tensor)
        return storage is not None and storage_address(storage) not in (self._there or ())


def _contents(storage: torch.UntypedStorage) -> int | None:
    """Return a checksum of what ``storage`` holds; ``None`` where that cannot be had."""
    with undispatched():
        held = torch.empty(0, dtype=torch.uint8, device=storage.device).set_(storage)
        try:
            return zlib.crc32(held.cpu().numpy().data)
        except RuntimeError:
            return None


def _tensors() -> Iterator[Tensor]:
    for found in gc.get_objects():
        if issubclass(type(found), Tensor):
            yield found
        elif is_scripted(found):
            yield from registered_tensors(found)
