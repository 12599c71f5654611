"""Every operator of one forward, on record, at the moment it has run."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from torch import nn

from convinspect.fields import FieldTracker
from convinspect.records import OpCall, ReceptiveField
from convinspect.tensors.describe import arguments_of, records_in
from convinspect.tensors.walking import tensors_in
from convinspect.torch_private import DispatchMode
from convinspect.trace.fake.tensor import ASKS_DEVICE
from convinspect.trace.memory.live import LiveBytes
from convinspect.trace.record.calls import Calls

# The attribute of an exception that holds the path and the module that it came out of.
FAILED_IN = "_convinspect_failed_in"


class Recorder(Calls, DispatchMode):
    """A dispatch mode that writes each operator down under the module that is running.

    Front ends tell it which that is. ``fields`` follows receptive fields; ``touch`` is told of every operator before
    it runs, so that it can save what the operator will change.
    """

    supports_higher_order_operators = True

    def __init__(self, fields: FieldTracker, touch: Callable[[Any, tuple[Any, ...], dict[str, Any]], None]) -> None:
        Calls.__init__(self)
        DispatchMode.__init__(self)
        self.memory = LiveBytes()
        self.defect: Exception | None = None
        self._fields = fields
        self._touch = touch

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run ``func`` and record it."""
        kwargs = kwargs or {}
        if func is ASKS_DEVICE:
            return func(*args, **kwargs)
        self._touch(func, args, kwargs)
        out = func(*args, **kwargs)
        try:
            self._record(func, args, kwargs, out)
        except Exception as error:
            # Not the model's fault, and the model's own try and except must not hide it.
            self.defect = self.defect or error
            raise
        return out

    def _record(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> None:
        self._fields.observe(func, args, kwargs, out, self.path)
        self.add(
            OpCall(
                op=full_name(func),
                parent=self.parent,
                args=arguments_of(func, args, kwargs),
                outputs=records_in(out),
                allocated_bytes=self.memory.observe(func, args, kwargs, out, self.next_index),
                receptive_field=self.field_of(out),
            )
        )

    def leave(self, result: Any) -> None:
        """End the running module's run with what it returns."""
        self.returned(self.path, result)
        self.end(records_in(result), self.field_of(result))

    def returned(self, path: str, value: Any) -> None:
        """Say that the module at ``path`` returns ``value``."""
        self._fields.returned(path, tuple(tensors_in(value)))

    def abandon(self, error: BaseException, module: nn.Module) -> None:
        """End the run of ``module``, the running one, with ``error``, and remember the innermost that it came out of.

        It is written on the error itself: one that is kept here would keep the activations of its frames alive.
        """
        if not hasattr(error, FAILED_IN):
            with suppress(AttributeError):  # an exception class of the user's with slots
                setattr(error, FAILED_IN, (self.path, module))
        self.drop()

    def field_of(self, value: Any) -> ReceptiveField | None:
        """Return the field of the first tensor of ``value`` that has one."""
        fields = (self._fields.describe(tensor) for tensor in tensors_in(value))
        return next((field for field in fields if field is not None), None)


def full_name(func: Any) -> str:
    """Return the name of ``func`` with its namespace and overload."""
    name = str(func)
    return name if "." in name else f"higher_order.{name}"
