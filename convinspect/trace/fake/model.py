"""Fake tensors in place of those of a model and its inputs, for as long as a run lasts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from convinspect.frontends.modules import Put, places_of
from convinspect.tensors.identity import storage_id
from convinspect.tensors.registered import registered_modules
from convinspect.torch_private import is_traceable_wrapper_subclass, mark_as_parameter, pytree
from convinspect.trace.fake.tensor import META, FakeMode, FakeTensor

_PLAIN = frozenset({bool, int, float, str})


class FakeModel:
    """One fake tensor for each tensor and one storage for each storage, however often they occur.

    What has no meta counterpart (sparse, quantised) stays as it is.
    """

    def __init__(self) -> None:
        self._made: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
        self._storages: dict[int, torch.UntypedStorage] = {}

    def replaces(self, tensor: Any) -> bool:
        """Tell whether a fake tensor takes the place of ``tensor``."""
        if not isinstance(tensor, torch.Tensor) or isinstance(tensor, FakeTensor) or is_lazy(tensor):
            return False
        return tensor.layout is torch.strided and not tensor.is_quantized and not is_traceable_wrapper_subclass(tensor)

    def replaced(self, value: Any) -> Any:
        """Return ``value`` with fake tensors in its tuples, lists and mappings."""
        return pytree.tree_map_only(torch.Tensor, lambda t: self._of(t) if self.replaces(t) else t, value)

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
            return tensor.detach()
        storage = tensor.untyped_storage()
        mine = self._storages.setdefault(storage_id(tensor), torch.UntypedStorage(storage.nbytes(), device=META))
        empty = torch.empty(0, dtype=tensor.dtype, device=META)
        return empty.set_(mine, tensor.storage_offset(), tensor.shape, tensor.stride())


@contextmanager
def faked(model: nn.Module, fakes: FakeModel) -> Iterator[None]:
    """Run the block with ``fakes`` in place of the tensors of ``model``, and put the tensors back after it."""
    undo: list[tuple[Put, str, Any]] = []
    try:
        for module in registered_modules(model):
            for put, name, value in places_of(module):
                if not _is_plain(value) and pytree.tree_any(fakes.replaces, value):
                    undo.append((put, name, value))
                    put(name, fakes.replaced(value))
        with FakeMode():
            yield
    finally:
        for put, name, value in reversed(undo):
            put(name, value)


def _is_plain(value: Any) -> bool:
    """Tell whether ``value`` surely holds no tensor, as most attributes: walking through each takes longer."""
    return value is None or type(value) in _PLAIN or (isinstance(value, dict) and not value)
