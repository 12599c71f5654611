"""Fake tensors in place of those of a model and its inputs, for as long as a run lasts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy
from torch.nn.utils.rnn import PackedSequence

from convinspect.frontends.modules import Put, places_of
from convinspect.tensors.identity import storage_id
from convinspect.tensors.known import MOST_BYTES, forget, on_storage, remember, values_kept
from convinspect.tensors.registered import registered_modules
from convinspect.torch_private import is_traceable_wrapper_subclass, mark_as_parameter, pytree
from convinspect.trace.fake.layouts import Layouts
from convinspect.trace.fake.mode import FakeMode, new_layouts
from convinspect.trace.fake.packed import padding_in_python
from convinspect.trace.fake.tensor import META, FakeTensor, Missed

_PLAIN = frozenset({bool, int, float, str})


class FakeModel:
    """One fake tensor for each tensor and one storage for each storage, however often they occur.

    What has no meta counterpart (sparse, quantised, nested) stays as it is. ``missed_values``: a run with them has
    asked for values that are not known.
    """

    def __init__(self, layouts: Layouts | None = None) -> None:
        self.missed_values = False
        self.layouts = layouts or new_layouts()
        self._made: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
        self._storages: dict[int, torch.UntypedStorage] = {}

    def stand_for(self, fakes: set[int]) -> set[int]:
        """Return the ids of the tensors that ``fakes``, ids too, stand for; those of other tensors stay."""
        return fakes | {id(tensor) for tensor, fake in self._made.values() if id(fake) in fakes}

    def replaces(self, tensor: Any) -> bool:
        """Tell whether a fake tensor takes the place of ``tensor``."""
        if not isinstance(tensor, torch.Tensor) or isinstance(tensor, FakeTensor) or is_lazy(tensor):
            return False
        usual = tensor.layout is torch.strided and not tensor.is_quantized and not tensor.is_nested
        return usual and not is_traceable_wrapper_subclass(tensor)

    def replaces_any(self, value: Any) -> bool:
        """Tell the same of a tensor in the tuples, lists and mappings of ``value``, or of itself."""
        if isinstance(value, torch.Tensor):
            return self.replaces(value)
        return pytree.tree_any(self.replaces, value)

    def replaced(self, value: Any) -> Any:
        """Return ``value`` with fake tensors in its tuples, lists and mappings; recurrent layers read batch sizes."""
        if isinstance(value, torch.Tensor):
            return self._of_part(value)
        return pytree.tree_map_only((torch.Tensor, PackedSequence), self._of_part, value, is_leaf=_is_packed)

    def _of_part(self, part: Any) -> Any:
        if _is_packed(part):
            data, sizes, *orders = part
            return PackedSequence(self._of_part(data), sizes, *map(self.replaced, orders))
        return self._of(part) if self.replaces(part) else part

    def _of(self, tensor: torch.Tensor) -> torch.Tensor:
        if id(tensor) not in self._made:
            fake: torch.Tensor = FakeTensor(self._meta(tensor))
            if isinstance(tensor, nn.Parameter):
                mark_as_parameter(fake)
            # The tensor is kept beside its fake: a freed one's id may come again.
            self._made[id(tensor)] = (tensor, fake.requires_grad_(tensor.requires_grad))
        return self._made[id(tensor)][1]

    def _meta(self, tensor: torch.Tensor) -> torch.Tensor:
        if tensor.is_meta:
            if _is_weight(tensor):
                forget(tensor)
            return tensor.as_subclass(torch.Tensor).detach()
        storage = tensor.untyped_storage()
        mine = self._storages.get(key := storage_id(tensor))
        if mine is None:
            mine = self._storages[key] = torch.UntypedStorage(storage.nbytes(), device=META)
            if storage.nbytes() <= MOST_BYTES and not _is_weight(tensor):
                remember(mine, storage.cpu(), shared=True)
        return on_storage(mine, tensor)


@contextmanager
def faked(model: nn.Module, fakes: FakeModel) -> Iterator[FakeMode]:
    """Run the block with ``fakes`` in place of the tensors of ``model``, and put the tensors back after it.

    Gives the mode that is on in it.
    """
    undo: list[tuple[Put, str, Any]] = []
    try:
        for module in registered_modules(model):
            for put, name, value in places_of(module):
                if not _is_plain(value) and fakes.replaces_any(value):
                    undo.append((put, name, value))
                    put(name, fakes.replaced(value))
        Missed.values = False
        with values_kept(), padding_in_python(), FakeMode(fakes.layouts) as mode:
            yield mode
    finally:
        fakes.missed_values |= Missed.values
        for put, name, value in reversed(undo):
            put(name, value)


def _is_weight(tensor: torch.Tensor) -> bool:
    """Tell a tensor whose values are not carried: products with known weights would all be computed."""
    return isinstance(tensor, nn.Parameter) and tensor.numel() > 1


def _is_packed(value: Any) -> bool:
    return isinstance(value, PackedSequence)


def _is_plain(value: Any) -> bool:
    """Tell whether ``value`` surely holds no tensor, as most attributes: walking through each takes longer."""
    if value is None or type(value) in _PLAIN:
        return True
    if type(value) is tuple:  # a size
        return all(type(item) in _PLAIN for item in value)
    return isinstance(value, dict) and not value
