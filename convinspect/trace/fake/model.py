"""Stand-ins for the tensors of a model and its inputs, for as long as a run lasts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy
from torch.utils._python_dispatch import is_traceable_wrapper_subclass
from torch.utils._pytree import tree_any, tree_map_only

from convinspect.trace.fake.tensor import CPU, META, FakeMode, FakeTensor

_PLAIN = frozenset({bool, int, float, str})


def fake(value: Any) -> Any:
    """Return ``value`` with every meta tensor in its tuples, lists and mappings replaced by a stand-in."""
    return FakeModel().replaced(value)


def is_on_meta(model: nn.Module, value: Any) -> bool:
    """Tell whether the model's weights (or, where it has none, the tensors of ``value``) are on the meta device."""
    weights = [*model.parameters(), *model.buffers()]
    return any(t.is_meta for t in weights) or (not weights and tree_any(_is_meta, value))


class FakeModel:
    """Stand-ins for tensors: one for each tensor and one storage for each storage, however often they occur.

    ``everything``: not for meta tensors alone. What has no meta counterpart (sparse, quantised) stays as it is.
    """

    def __init__(self, device: torch.device = CPU, *, everything: bool = False) -> None:
        self.device = device
        self._everything = everything
        self._made: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
        self._storages: dict[int, torch.UntypedStorage] = {}

    def replaces(self, tensor: Any) -> bool:
        """Tell whether ``tensor`` gets a stand-in."""
        if not isinstance(tensor, torch.Tensor) or isinstance(tensor, FakeTensor) or is_lazy(tensor):
            return False
        plain = tensor.layout is torch.strided and not tensor.is_quantized and not is_traceable_wrapper_subclass(tensor)
        return plain and (tensor.is_meta or self._everything)

    def replaced(self, value: Any) -> Any:
        """Return ``value`` with stand-ins in its tuples, lists and mappings."""
        if isinstance(value, torch.Tensor):
            return self._of(value) if self.replaces(value) else value
        return tree_map_only(torch.Tensor, lambda t: self._of(t) if self.replaces(t) else t, value)

    def _of(self, tensor: torch.Tensor) -> torch.Tensor:
        if id(tensor) not in self._made:
            stand: torch.Tensor = FakeTensor(self._meta(tensor), self.device)
            if isinstance(tensor, nn.Parameter):
                # As nn.Parameter does, which would import distributed tensors (a second) to ask whether this is one.
                stand._is_param = True  # noqa: SLF001
            # The tensor is kept beside its stand-in: a freed one's id may come again.
            self._made[id(tensor)] = (tensor, stand.requires_grad_(tensor.requires_grad))
        return self._made[id(tensor)][1]

    def _meta(self, tensor: torch.Tensor) -> torch.Tensor:
        if tensor.is_meta:
            return tensor.detach()
        storage = tensor.untyped_storage()
        key = storage._cdata  # noqa: SLF001 - its identity
        if key not in self._storages:
            self._storages[key] = torch.UntypedStorage(storage.nbytes(), device=META)
        empty = torch.empty(0, dtype=tensor.dtype, device=META)
        return empty.set_(self._storages[key], tensor.storage_offset(), tensor.shape, tensor.stride())


@contextmanager
def faked(model: nn.Module, cast: FakeModel | None = None) -> Iterator[None]:
    """Run the block with stand-ins for the tensors of ``model``, and put the tensors back after it.

    Without a ``cast`` those on the meta device are replaced.
    """
    cast = cast or FakeModel()
    undo: list[tuple[Any, Any, Any]] = []
    try:
        for module in model.modules():
            scripted = isinstance(module, torch.jit.ScriptModule)
            for owner, name, tensor in _scripted_tensors(module) if scripted else _tensors(module):
                if not _is_plain(tensor) and tree_any(cast.replaces, tensor):
                    undo.append((owner, name, tensor))
                    _put(owner, name, cast.replaced(tensor))
        with FakeMode(cast.device):
            yield
    finally:
        for owner, name, tensor in reversed(undo):
            _put(owner, name, tensor)


def _is_plain(value: Any) -> bool:
    """Tell whether ``value`` surely holds no tensor, as most attributes: walking through each takes longer."""
    return value is None or type(value) in _PLAIN or (isinstance(value, dict) and not value)


def _is_meta(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.is_meta


def _tensors(module: nn.Module) -> Iterator[tuple[Any, Any, Any]]:
    """Yield where the module keeps tensors: its registries, and attributes that are tensors or lists of them."""
    for registry in (module._parameters, module._buffers, module.__dict__):  # noqa: SLF001 - no hooks of setattr
        for name, value in list(registry.items()):
            if registry is not module.__dict__ or name not in ("_parameters", "_buffers", "_modules"):
                yield registry, name, value


def _scripted_tensors(module: Any) -> Iterator[tuple[Any, Any, Any]]:
    names = [name for name, _ in (*module.named_parameters(recurse=False), *module.named_buffers(recurse=False))]
    # Recurrent layers keep their parameters a second time, in a list.
    for name in (*names, "_flat_weights"):
        if module._c.hasattr(name):  # noqa: SLF001 - as torch.jit's own wrappers
            yield module._c, name, module._c.getattr(name)  # noqa: SLF001


def _put(owner: Any, name: Any, value: Any) -> None:
    if isinstance(owner, dict):
        owner[name] = value
    else:
        owner.setattr(name, value)
