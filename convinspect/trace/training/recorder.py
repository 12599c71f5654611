"""The operators of a training step: which storages they make, and whose backward pass they belong to."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any

import torch
from torch._C._autograd import _get_sequence_nr as next_node

from convinspect.records import OpCall, ReceptiveField
from convinspect.tensors.operands import operands
from convinspect.trace.record.recorder import Recorder, full_name
from convinspect.trace.record.scopes import Scopes

_NO_ARGUMENTS: MappingProxyType[str, Any] = MappingProxyType({})


class _NoFields:
    """Follows nothing."""

    def observe(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any, path: str) -> None:
        """Ignore the operator."""

    def describe(self, tensor: torch.Tensor) -> ReceptiveField | None:  # noqa: ARG002 - the protocol's signature
        """Return no field."""
        return None

    def returned(self, path: str, tensors: Sequence[torch.Tensor]) -> None:
        """Ignore the tensors."""


class StepRecorder(Recorder):
    """A recorder that follows live bytes alone, also through the backward pass.

    An operator of the backward pass belongs to the module whose forward made its node in the autograd graph: nodes
    are numbered in the order in which they are made.
    """

    def __init__(self) -> None:
        super().__init__(Scopes(), _NoFields(), self._put_gradients_aside)
        self._made_by: dict[int, int] = {}
        self._gradients: dict[int, tuple[torch.Tensor, torch.Tensor | None]] = {}

    def put_gradients_back(self) -> None:
        """Give the leaves of the graph the gradients that they had: they may be inputs, or layers kept in a list."""
        for tensor, gradient in self._gradients.values():
            tensor.grad = gradient
        self._gradients.clear()

    def _record(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> None:
        index = self.scopes.record(OpCall(full_name(func), self._parent(), _NO_ARGUMENTS, ()))
        self.memory.observe(func, args, kwargs, out, index)

    def _put_gradients_aside(self, _func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if not self.scopes.depth:
            return
        for tensor in operands(args, kwargs):
            if tensor.requires_grad and tensor.is_leaf and id(tensor) not in self._gradients:
                self._gradients[id(tensor)] = (tensor, tensor.grad)
                tensor.grad = None

    def _parent(self) -> int:
        node = torch._C._current_autograd_node()  # noqa: SLF001 - no public name
        if node is not None and not self.scopes.depth:
            return self._made_by.get(node._sequence_nr(), -1)  # noqa: SLF001
        # Autograd makes the node before it calls the operator.
        self._made_by.setdefault(next_node() - 1, self.scopes.parent)
        return self.scopes.parent
