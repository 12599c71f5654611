"""A model and its inputs, left as they were found, also when the run raises."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from convinspect.tensors.identity import storage_id, storage_of
from convinspect.tensors.signature import mutates, signature_of
from convinspect.tensors.walking import operands, tensors_in
from convinspect.trace.restore.process import process_state

_CONTAINERS = (dict, OrderedDict, list, set)


class Weights:
    """The parameters, buffers and inputs of a run: which of them it reads, and what they were before it.

    `touch` is called before every operator. A storage that the operator is about to change, through whatever view,
    is copied first, so a run that changes nothing (the common case) copies nothing.
    """

    def __init__(self, model: nn.Module, inputs: Any = ()) -> None:
        tensors = [tensor for tensor in (*model.parameters(), *model.buffers()) if not is_lazy(tensor)]
        self._states = [_State(tensor) for tensor in tensors]
        self._known: dict[int, list[int]] = {}
        for tensor in (*tensors, *tensors_in(inputs)):
            self._known.setdefault(storage_id(tensor), []).append(id(tensor))
        self._saved: dict[int, tuple[Any, Any]] = {}
        self.used: set[int] = set()

    def touch(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Note the weights that the operator reads, and save the storages that it changes."""
        for tensor in operands(args, kwargs):
            key = storage_id(tensor)
            if key in self._known:
                self.used.update(self._known[key])
                if key not in self._saved and _may_change(func, tensor):
                    self._saved[key] = _copied(tensor)

    def restore(self) -> None:
        """Put the saved values back, and each weight onto its own storage."""
        for original, copy in self._saved.values():
            if copy is not None:
                original.copy_(copy)
        for state in self._states:
            state.restore()


class _State:
    """What a weight is besides its values: where they lie, its gradient, whether it requires one."""

    def __init__(self, tensor: torch.Tensor) -> None:
        self._tensor = tensor
        self._alias = tensor.detach()
        self._requires_grad = tensor.requires_grad
        self._grad = tensor.grad if tensor.is_leaf else None

    def restore(self) -> None:
        tensor = self._tensor
        if not tensor.is_leaf:
            return
        if tensor.requires_grad != self._requires_grad:
            tensor.requires_grad_(self._requires_grad)
        if tensor.grad is not self._grad:
            tensor.grad = self._grad
        if storage_id(tensor) != storage_id(self._alias) or tensor.shape != self._alias.shape:
            tensor.data = self._alias


@contextmanager
def restored(model: nn.Module, inputs: Any = ()) -> Iterator[Weights]:
    """Run the block and undo what it did to ``model``'s weights, attributes and flags, to the ``inputs`` and around.

    Attributes are put back as they were, also the contents of those that are lists, dicts or sets.
    """
    attributes = [(module, _snapshot(module)) for module in model.modules()]
    weights = Weights(model, inputs)
    with process_state():
        try:
            yield weights
        finally:
            for module, (own, contents) in attributes:
                _put_back(module, own, contents)
            weights.restore()


def _copied(tensor: torch.Tensor) -> tuple[Any, Any]:
    """Return what holds the tensor's values and a copy of it; no copy of what has no values."""
    storage = storage_of(tensor)
    if storage is None:
        return tensor.detach(), tensor.detach().clone()
    return storage, None if storage.device.type == "meta" else storage.clone()


def _may_change(func: Any, tensor: torch.Tensor) -> bool:
    signature = signature_of(func)
    # The norms' operators write running statistics without saying so in their schemas.
    return mutates(func) or (signature is not None and "_norm" in signature.name and not tensor.requires_grad)


def _snapshot(module: nn.Module) -> tuple[dict[str, Any], list[tuple[Any, Any]]]:
    own = dict(module.__dict__)
    return own, [(value, value.copy()) for value in own.values() if type(value) in _CONTAINERS]


def _put_back(module: nn.Module, own: dict[str, Any], contents: list[tuple[Any, Any]]) -> None:
    module.__dict__.clear()
    module.__dict__.update(own)
    for container, before in contents:
        container.clear()
        (container.extend if isinstance(container, list) else container.update)(before)
