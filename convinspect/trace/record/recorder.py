"""Every operator of one forward, as a fact, at the moment it has run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Protocol

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from convinspect.records import OpCall, ReceptiveField
from convinspect.tensors.describe import arguments_of, records_in, tensors_in
from convinspect.trace.memory.live import LiveBytes
from convinspect.trace.record.scopes import Scopes

# How torch asks a tensor subclass for its device: no operator of the model.
ASKS_DEVICE = torch.ops.prim.device.default


# The attribute of an exception that holds the path and the module that raised it.
CULPRIT = "_convinspect_culprit"


class Fields(Protocol):
    """What follows receptive fields through the operators of a run."""

    def observe(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any, path: str) -> None:
        """Take note of one operator that has just run under the module at ``path``."""

    def describe(self, tensor: torch.Tensor) -> ReceptiveField | None:
        """Return the field of ``tensor``, or ``None`` where it does not depend on the followed input."""

    def returned(self, path: str, tensors: Sequence[torch.Tensor]) -> None:
        """Take note of the tensors that the module at ``path`` returned."""


class Recorder(TorchDispatchMode):
    """A dispatch mode that writes each operator down under the module that is running.

    ``touch`` is told of every operator before it runs, so that it can save what the operator will change.
    """

    supports_higher_order_operators = True

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # else the first operator imports dynamo: a second

    def __init__(
        self,
        scopes: Scopes,
        fields: Fields,
        touch: Callable[[Any, tuple[Any, ...], dict[str, Any]], None],
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.scopes = scopes
        self.fields = fields
        self.touch = touch
        self.memory = LiveBytes()
        self.defect: Exception | None = None

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run ``func`` and record it."""
        kwargs = kwargs or {}
        if func is ASKS_DEVICE:
            return func(*args, **kwargs)
        self.touch(func, args, kwargs)
        out = func(*args, **kwargs)
        try:
            self._record(func, args, kwargs, out)
        except Exception as error:
            # Not the model's fault, and the model's own try and except must not hide it.
            self.defect = self.defect or error
            raise
        return out

    def _record(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> None:
        self.fields.observe(func, args, kwargs, out, self.scopes.path)
        self.scopes.record(
            OpCall(
                op=full_name(func),
                parent=self.scopes.parent,
                args=arguments_of(func, args, kwargs),
                outputs=records_in(out),
                allocated_bytes=self.memory.observe(func, args, kwargs, out, self.scopes.count),
                receptive_field=self.field_of(out),
            )
        )

    def blame(self, error: BaseException, path: str, module: nn.Module) -> None:
        """Remember the innermost module that ``error`` came out of.

        It is written on the error itself: one that is kept here would keep the activations of its frames alive.
        """
        if not hasattr(error, CULPRIT):
            with suppress(AttributeError):  # an exception class of the user's with slots
                setattr(error, CULPRIT, (path, module))

    def returned(self, path: str, value: Any) -> None:
        """Say that the module at ``path`` returns ``value``."""
        self.fields.returned(path, tuple(tensors_in(value)))

    def field_of(self, value: Any) -> ReceptiveField | None:
        """Return the field of the first tensor of ``value`` that has one."""
        fields = (self.fields.describe(tensor) for tensor in tensors_in(value))
        return next((field for field in fields if field is not None), None)


def full_name(func: Any) -> str:
    """Return the name of ``func`` with its namespace and overload."""
    name = str(func)
    return name if "." in name else f"higher_order.{name}"
