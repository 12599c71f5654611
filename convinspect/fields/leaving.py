"""Numbers that leave torch: what comes back of a followed tensor as a number or an array cannot be followed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor
from torch.overrides import TorchFunctionMode

from convinspect.fields.operations.field import Cause
from convinspect.tensors.operators import Signature

_ITEM = "aten::_local_scalar_dense"
# How torch makes a tensor of data from outside.
_MADE_OF_DATA = frozenset(("aten::lift_fresh", "aten::lift_fresh_copy"))
_ARRAYS = {
    Tensor.numpy: "Tensor.numpy",
    Tensor.tolist: "Tensor.tolist",
    Tensor.__array__: "Tensor.numpy",
}


class Left:
    """What has left: ``number`` and ``array`` are where it did first, or ``None``; ``returned``: it came back.

    A truth value is none: what a branch decides is not followed. Any number that an operator is given afterwards may
    be the one that left, a constant of the code too: nobody can tell.
    """

    def __init__(self) -> None:
        self.number: Cause | None = None
        self.array: Cause | None = None
        self.returned = False

    def item(self, signature: Signature, out: Any, cause: Cause) -> None:
        """Take note of an operator on a followed tensor that gave ``out``."""
        if signature.name == _ITEM and not isinstance(out, bool):
            self.number = self.number or cause

    def came_back(self, signature: Signature, given: Mapping[str, Any]) -> Cause | None:
        """Return what left before and may be among the arguments of an operator, or in what it makes."""
        if self.array is not None and signature.name in _MADE_OF_DATA:
            return self.array
        if self.number is None:
            return None
        kinds = dict(zip(signature.names, signature.types, strict=True))
        numbers = (name for name, value in given.items() if isinstance(value, (int, float)))
        found = any(kinds.get(name) in ("number", "Tensor", "Optional[number]") for name in numbers)
        return self.number if found or signature.name in _MADE_OF_DATA else None


class WatchArrays(TorchFunctionMode):
    """Tells of every tensor that becomes an array or a list."""

    def __init__(self, tell: Callable[[Tensor, str], None]) -> None:
        super().__init__()
        self._tell = tell

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run ``func``."""
        name = _ARRAYS.get(func)
        if name is not None and args and isinstance(args[0], Tensor):
            self._tell(args[0], name)
        return func(*args, **(kwargs or {}))
