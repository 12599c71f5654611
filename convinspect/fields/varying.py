"""Tensors whose values differ from run to run: those of inputs, of chance, and what is worked out of them."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor

from convinspect.fields.hulls.arrays import Array
from convinspect.tensors.identity import entry_of, storage_of
from convinspect.tensors.known import values_of
from convinspect.tensors.operators import Signature
from convinspect.torch_private import storage_address, undispatched

# Made of a tensor's shape alone, whatever it holds.
MADE_OF_SHAPES = (
    "empty_like zeros_like ones_like full_like new_empty new_zeros new_ones new_full new_empty_strided sym_size "
    "sym_stride sym_numel sym_storage_offset is_same_size"
)
_MADE_OF_SHAPES = frozenset(f"aten::{name}" for name in MADE_OF_SHAPES.split())


class Varying:
    """Storages by their identity; what was never told to vary holds constants of the model."""

    def __init__(self, inputs: Iterable[Tensor] = ()) -> None:
        self._storages: dict[int, weakref.ref[torch.UntypedStorage]] = {}
        self._add(inputs)

    def see(self, signature: Signature, read: Sequence[Tensor], made: Iterable[Tensor]) -> None:
        """Take note of an operator: what it has ``made`` varies with what it ``read``, or by chance."""
        if signature.name in _MADE_OF_SHAPES:
            # Without data, of numbers that are not whole no values are kept.
            self._add(tensor for tensor in made if tensor.is_floating_point())
        elif signature.is_random or (self._storages and any(map(self._varies, read))):
            self._add(made)

    def constant(self, tensor: Tensor) -> Array | None:
        """Return the whole numbers or truth values of a constant; ``None`` where it is none, or nobody knows them."""
        if tensor.is_floating_point() or tensor.is_complex() or self._varies(tensor):
            return None
        with undispatched():
            values = values_of(tensor)
            array: Array | None = None if values is None else values.numpy()
        return array if array is None or array.dtype == np.bool_ else array.astype(np.int64)

    def _add(self, tensors: Iterable[Tensor]) -> None:
        for storage in map(storage_of, tensors):
            if storage is not None:
                # What is gone is forgotten at once: mostly nothing varies, and then nothing need be looked up.
                self._storages[storage_address(storage)] = entry_of(storage, self._storages)

    def _varies(self, tensor: Tensor) -> bool:
        storage = storage_of(tensor) if self._storages else None
        return storage is not None and storage_address(storage) in self._storages
