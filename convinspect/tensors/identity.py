"""Which memory a tensor lies in, and how much of it: what tells whether two tensors are one."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, MutableMapping
from functools import cache, partial
from typing import Any

import torch
from torch.nn.parameter import is_lazy

from convinspect.torch_private import coo_parts, is_traceable_wrapper_subclass, storage_address, undispatched

# Torch's own method: while a run watches what Python asks of tensors, theirs is another.
untyped_storage = torch.Tensor.untyped_storage


def storage_of(tensor: torch.Tensor) -> torch.UntypedStorage | None:
    """Return the tensor's storage, or ``None`` of a layout that has none: sparse, of a library's own, not yet made."""
    try:
        return untyped_storage(tensor)
    except (NotImplementedError, RuntimeError, ValueError):
        return None


def entry_of(storage: torch.UntypedStorage, known: MutableMapping[int, Any]) -> weakref.ref[torch.UntypedStorage]:
    """Return a weak reference to ``storage``; once that is gone so is what is ``known`` of it, by its address.

    Torch keeps the reference for as long as the C++ object lives, whatever Python objects stand for it.
    """
    return weakref.ref(storage, partial(_forget, known, storage_address(storage)))


def _forget(known: MutableMapping[int, Any], key: int, _storage: object) -> None:
    known.pop(key, None)


def storage_id(tensor: torch.Tensor) -> int:
    """Return what all views of one memory share; the tensor's own ``id`` where it has no storage."""
    storage = storage_of(tensor)
    return id(tensor) if storage is None else storage_address(storage)


def same_piece(tensor: torch.Tensor) -> tuple[Any, ...]:
    """Return what two names of one weight share: the same piece of the same storage."""
    storage = storage_of(tensor)
    if storage is None or not tensor.numel():
        return (id(tensor),)
    return (storage_address(storage), tensor.storage_offset(), tuple(tensor.shape), tensor.stride())


def memory_of(tensor: torch.Tensor) -> list[tuple[int, Any, int]]:
    """Return identity, owner and bytes of what was allocated for ``tensor``: its storages, each with its whole size.

    A tensor of an opaque layout stands for its own.
    """
    found: list[tuple[int, Any, int]] = []
    for part in plain_parts(tensor):
        storage = storage_of(part)
        if storage is None:
            found.append((id(part), part, element_bytes(part)))
        else:
            found.append((storage_address(storage), storage, storage.nbytes()))
    return found


def allocated_bytes(tensors: Iterable[torch.Tensor]) -> int:
    """Return the bytes of all that ``tensors`` lie in, each storage once."""
    return sum({key: size for tensor in tensors for key, _, size in memory_of(tensor)}.values())


def element_bytes(tensor: torch.Tensor) -> int:
    """Return the bytes of the tensor's elements; of one that is made of others (sparse, quantised), of theirs.

    A lazy one has none yet.
    """
    return sum([part.numel() * part.itemsize for part in plain_parts(tensor) if not is_lazy(part)])


def stored_in(tensor: torch.Tensor) -> int | None:
    """Return how many elements a sparse ``tensor`` stores; ``None`` of one that stores several at one place."""
    parts = _sparse_parts(tensor)
    if len(parts) == 1:
        return None
    with undispatched(), torch.no_grad():
        once = tensor.layout is not torch.sparse_coo or tensor.is_coalesced() or _are_distinct(parts[0], tensor.shape)
    return parts[-1].numel() if once else None


def _are_distinct(indices: torch.Tensor, shape: tuple[int, ...]) -> bool:
    """Tell whether no place is among the columns of ``indices`` twice, in whatever order."""
    places = torch.zeros(indices.shape[1], dtype=torch.int64, device=indices.device)
    for row, size in zip(indices, shape, strict=False):
        places = places * size + row
    return bool(places.unique().numel() == places.numel())


def is_plain(tensor: torch.Tensor) -> bool:
    """Tell whether ``tensor`` has a storage of its elements: it is made of no others, and not nested."""
    return tensor.layout is torch.strided and not tensor.is_nested and not _may_wrap(type(tensor))


def plain_parts(tensor: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Return what ``tensor`` is made of: the indices and values of a sparse one, what a wrapper wraps, or itself."""
    if _may_wrap(type(tensor)) and is_traceable_wrapper_subclass(tensor):
        parts = (getattr(tensor, name) for name in tensor.__tensor_flatten__()[0])
        # A distributed tensor counts its mesh among its parts.
        return tuple(plain for part in parts if isinstance(part, torch.Tensor) for plain in plain_parts(part))
    return (tensor,) if tensor.layout is torch.strided else _sparse_parts(tensor)


@cache
def _may_wrap(kind: type[torch.Tensor]) -> bool:
    return hasattr(kind, "__tensor_flatten__")


def _sparse_parts(tensor: torch.Tensor) -> tuple[torch.Tensor, ...]:
    with undispatched():  # or a run would take the question for an operator of the model's
        if tensor.layout is torch.sparse_coo:
            return coo_parts(tensor)
        if tensor.layout in (torch.sparse_csr, torch.sparse_bsr):
            return (tensor.crow_indices(), tensor.col_indices(), tensor.values())
        if tensor.layout in (torch.sparse_csc, torch.sparse_bsc):
            return (tensor.ccol_indices(), tensor.row_indices(), tensor.values())
    return (tensor,)
