"""The operators of a training step: which storages they make, and whose backward pass they belong to."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any

import torch

from convinspect.fields import FieldTracker
from convinspect.records import OpCall, TensorRecord
from convinspect.tensors.operators import full_name
from convinspect.torch_private import next_node_number, running_node_number
from convinspect.trace.fake.mode import FakeMode
from convinspect.trace.memory.timeline import START
from convinspect.trace.record.recorder import Recorder

_NO_ARGUMENTS: MappingProxyType[str, Any] = MappingProxyType({})


class StepRecorder(Recorder):
    """A recorder that follows live bytes alone, also through the backward pass.

    An operator of the backward pass belongs to the module whose forward made its node in the autograd graph: nodes
    are numbered in the order in which they are made.
    """

    def __init__(self, fakes: FakeMode | None = None) -> None:
        super().__init__(FieldTracker(), self._put_gradients_aside, fakes=fakes)
        self._made_by: dict[int, int] = {}
        # Their calls by operator and parent: nothing else is told of them, and most run several times in a module.
        self._operators: dict[tuple[Any, int], OpCall] = {}
        self._gradients: dict[int, tuple[torch.Tensor, torch.Tensor | None]] = {}

    def put_gradients_back(self) -> None:
        """Give the leaves of the graph the gradients that they had: they may be inputs, or layers kept in a list."""
        for tensor, gradient in self._gradients.values():
            tensor.grad = gradient
        self._gradients.clear()

    def received(self, _value: Any) -> tuple[TensorRecord, ...]:
        """Return nothing: the report has its records from the forward alone."""
        return ()

    def leave(self, _result: Any) -> None:
        """End the running module's run; nobody asks what came out of it."""
        self._running.pop()

    def returned(self, _path: str, _value: Any) -> tuple[TensorRecord, ...]:
        """Return nothing, as `received`."""
        return ()

    def _record(
        self, func: Any, _args: tuple[Any, ...], _kwargs: dict[str, Any], given: Sequence[torch.Tensor], out: Any
    ) -> None:
        ran = func, self._parent()
        call = self._operators.get(ran)
        if call is None:
            call = self._operators[ran] = OpCall(full_name(func), ran[1], _NO_ARGUMENTS, ())
        self.memory.observe(func, given, out, self.add(call))

    def _put_gradients_aside(self, _func: Any, given: Sequence[torch.Tensor]) -> None:
        if self.parent == START:
            return
        for tensor in given:
            if tensor.requires_grad and tensor.is_leaf and id(tensor) not in self._gradients:
                self._gradients[id(tensor)] = (tensor, tensor.grad)
                tensor.grad = None

    def _parent(self) -> int:
        node = running_node_number()
        if node is not None and self.parent == START:
            return self._made_by.get(node, START)
        # Autograd makes the node before it calls the operator.
        self._made_by.setdefault(next_node_number() - 1, self.parent)
        return self.parent
