"""The registry of rules: which input elements an operator's output depends on, keyed by the operator's name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor

from convinspect.errors import ModelError, UsageError
from convinspect.fields import mixing, reading
from convinspect.fields.field import Cause, Field, Shape, nothing
from convinspect.fields.windows import sliding

Result: TypeAlias = "Field | Sequence[Field | None] | None"
Rule: TypeAlias = "Callable[[Call], Result]"

_RULES: dict[str, Rule] = {}


@dataclass(frozen=True, slots=True)
class Call:
    """One operator that ran, as its rule sees it: arguments by their schema's names, and fields of the tensors.

    ``outputs`` are the shapes of the tensors that came out. A rule must not read the values of tensors: on the meta
    device there are none.
    """

    op: str
    args: Mapping[str, Any]
    outputs: tuple[Shape, ...]
    cause: Cause
    count: int
    find: Callable[[Tensor], Field | None]

    def __getitem__(self, name: str) -> Field:
        """Field of the tensor argument ``name``; a constant's depends on nothing."""
        return self.field(self.args[name])

    def field(self, tensor: Tensor) -> Field:
        """Field of any tensor among the arguments; a constant's depends on nothing."""
        return self.find(tensor) or nothing(tuple(tensor.shape), self.count)

    def fields(self) -> list[Field]:
        """Fields of all followed tensors among the arguments."""
        found = (self.find(tensor) for tensor in tensors_in(self.args.values()))
        return [field for field in found if field is not None]

    def get(self, name: str, default: Any = None) -> Any:
        """Return the argument ``name``, or ``default`` where the schema has none of that name or it is ``None``."""
        value = self.args.get(name)
        return default if value is None else value

    @property
    def shape(self) -> Shape:
        """Shape of the first output."""
        return self.outputs[0]

    def merge(self, fields: Sequence[Field], shape: Shape | None = None) -> Field:
        """Hull of tensors broadcast against each other, as a pointwise operator depends on them."""
        return mixing.merge(fields, self.shape if shape is None else shape, self.cause)

    def contract(self, field: Field, dims: Sequence[int], *, keeps_own: bool = False) -> Field:
        """Hull over ``dims``, which keep size 1 (or their size, with ``keeps_own``, as in a softmax)."""
        rank = len(field.shape)
        return mixing.contract(field, [dim % rank for dim in dims], self.cause, keeps_own=keeps_own)

    def window(
        self, field: Field, dim: int, *, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1
    ) -> Field:
        """Read windows along ``dim``; output ``o`` reads ``o*stride - padding + dilation*t`` for ``t < kernel``."""
        outputs = (field.shape[dim] + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
        return reading.slide(field, {dim: sliding(field.shape[dim], outputs, kernel, stride, padding, dilation)})


def register(*names: str) -> Callable[[Rule], Rule]:
    """Give the operators ``names`` (``"aten::convolution"``) the decorated rule; a second one raises."""

    def keep(function: Rule) -> Rule:
        for name in names:
            if name in _RULES:
                msg = f"{name}: two rules for its receptive field"
                raise UsageError(msg)
            _RULES[name] = function
        return function

    return keep


def aten(names: str) -> tuple[str, ...]:
    """Spell out the full names of torch's own operators."""
    return tuple(f"aten::{name}" for name in names.split())


def rule(name: str) -> Callable[[Rule], Rule]:
    """Give your own operator ``name`` a receptive-field rule, from the model file.

    The decorated function takes a `Call` and returns the `Field` of the output (or one per output; ``None`` for an
    output that does not depend on its inputs). For an operator that blurs an image with a 5x5 kernel::

        from convinspect.fields import rule

        @rule("mylib::blur")
        def blur(call):
            across = call.window(call["image"], 2, kernel=5, padding=2)
            return call.window(across, 3, kernel=5, padding=2)

    ``call.merge([call["a"], call["b"]])`` is a pointwise operator, ``call.contract(call["x"], dims)`` mixes over
    dimensions. A file that is loaded again replaces its rule. Raises `UsageError` for a name without a namespace, or
    one of torch's own; the rule itself, when it fails, stops the run with a `ModelError`.
    """
    if "::" not in name or name.startswith("aten::"):
        msg = f"{name}: not an operator of your own; write it as namespace::name"
        raise UsageError(msg)

    def keep(function: Rule) -> Rule:
        def guarded(call: Call) -> Result:
            try:
                return function(call)
            except Exception as error:
                # The rule is the user's code: whatever it raises is told as such.
                msg = f"{name}: its receptive-field rule failed: {type(error).__name__}: {error}"
                raise ModelError(msg) from error

        _RULES[name] = guarded
        return function

    return keep


def find_rule(name: str) -> Rule | None:
    """Look up the rule of ``name``; an in-place operator has that of its functional form."""
    found = _RULES.get(name)
    if found is None and name.endswith("_") and not name.endswith("__"):
        found = _RULES.get(name[:-1])
    return found


def tensors_in(values: Any) -> list[Tensor]:
    """List the tensors in nested lists and tuples, in order."""
    found: list[Tensor] = []
    waiting = list(values)[::-1]
    while waiting:
        value = waiting.pop()
        if isinstance(value, torch.Tensor):
            found.append(value)
        elif isinstance(value, (list, tuple)):
            waiting.extend(reversed(value))
    return found


def forget(name: str) -> None:
    """Take the rule of ``name`` back, if it has one."""
    _RULES.pop(name, None)


def registered() -> tuple[str, ...]:
    """List the operators that have a rule."""
    return tuple(_RULES)
