"""What Python does with tensors that no operator tells: makes arrays of them, lends their memory, prints them."""

from __future__ import annotations

import sys
from typing import Any, Protocol

from torch import Tensor
from torch.overrides import TorchFunctionMode

from convinspect.fields.tracker import FieldTracker

# By the names of methods: a tensor without data has its own.
_ARRAYS = {
    "numpy": "Tensor.numpy",
    "tolist": "Tensor.tolist",
    "__array__": "Tensor.numpy",
    "__dlpack__": "Tensor.__dlpack__",
    "data_ptr": "Tensor.data_ptr",
}
_STORAGES = frozenset(("storage", "untyped_storage"))
_TELLING = frozenset(("__format__", "__repr__", "__str__"))
_INDEXED = Tensor.__getitem__
_OURS = __name__.partition(".")[0]


class Leaves(Protocol):
    """What is told of tensors that become arrays or lists, and of those whose memory is lent."""

    def __call__(self, tensor: Tensor, how: str, *, as_numbers: bool = True) -> None:
        """Take note of ``tensor``; ``how`` is what torch calls that."""


class WatchPython(TorchFunctionMode):
    """Tells ``fields`` of what Python does with tensors, and ``left`` of those that become arrays or lists.

    Python passes over a slice that leaves nothing out: no operator runs, though a number decided that.
    """

    def __init__(self, fields: FieldTracker, left: Leaves) -> None:
        super().__init__()
        self._fields = fields
        self._left = left

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run ``func``."""
        name = getattr(func, "__name__", "")
        if args and isinstance(args[0], Tensor) and not _is_ours():
            if name in _ARRAYS:
                self._left(args[0], _ARRAYS[name])
            elif name in _STORAGES:
                self._left(args[0], f"Tensor.{name}", as_numbers=False)
        if name in _TELLING:
            with self._fields.telling():
                return func(*args, **(kwargs or {}))
        out = func(*args, **(kwargs or {}))
        if func is _INDEXED and isinstance(out, Tensor) and _has_numbers(args[1]):
            self._fields.cut(out)
        return out


def _is_ours() -> bool:
    """Tell whether this package asks: the caller of what calls this."""
    module: str = sys._getframe(2).f_globals.get("__name__", "")  # noqa: SLF001 - the frames module is as private
    return module.partition(".")[0] == _OURS


def _has_numbers(index: Any) -> bool:
    items = index if isinstance(index, tuple) else (index,)
    slices = [item for item in items if isinstance(item, slice)]
    bounds = (bound for item in slices for bound in (item.start, item.stop, item.step))
    return any(isinstance(item, int) and not isinstance(item, bool) for item in (*items, *bounds))
