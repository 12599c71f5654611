"""What Python does with tensors that no operator tells: makes arrays of them, lends their memory, prints them.

Methods and functions are replaced while a forward runs: a mode of functions would see every look at a shape besides.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial, wraps
from typing import Any, Protocol

import torch
import torch.utils.dlpack
from torch import Tensor

from convinspect.fields.tracker import FieldTracker

_ARRAYS = {
    "numpy": "Tensor.numpy",
    "tolist": "Tensor.tolist",
    "__array__": "Tensor.numpy",
    "__dlpack__": "Tensor.__dlpack__",
    "data_ptr": "Tensor.data_ptr",
}
_STORAGES = ("storage", "untyped_storage")
_TELLING = ("__format__", "__repr__", "__str__")
_OURS = __name__.partition(".")[0]


class Leaves(Protocol):
    """What is told of tensors that become arrays or lists, and of those whose memory is lent."""

    def __call__(self, tensor: Tensor, how: str, *, as_numbers: bool = True) -> None:
        """Take note of ``tensor``; ``how`` is what torch calls that."""


class WatchPython:
    """Tells ``fields`` of what Python does with tensors, and ``left`` of those that become arrays or lists.

    Python passes over a slice that leaves nothing out: no operator runs, though a number decided that.
    """

    def __init__(self, fields: FieldTracker, left: Leaves) -> None:
        self._fields = fields
        self._left = left
        self._inside = False

    @contextmanager
    def on(self, kinds: Sequence[type[Tensor]]) -> Iterator[None]:
        """Watch while the block runs; ``kinds`` are the classes of tensors that have methods of their own."""
        methods: dict[str, Callable[..., Any]] = {
            **{name: partial(self._leaving, how=how) for name, how in _ARRAYS.items()},
            **{name: partial(self._leaving, how=f"Tensor.{name}", as_numbers=False) for name in _STORAGES},
            **dict.fromkeys(_TELLING, self._telling),
            "__getitem__": self._cutting,
        }
        places = [(kind, name) for kind in kinds for name in methods if kind is Tensor or name in vars(kind)]
        methods["to_dlpack"] = methods["__dlpack__"]
        with ExitStack() as undo:
            for holder, name in (*places, (torch, "to_dlpack"), (torch.utils.dlpack, "to_dlpack")):
                undo.enter_context(_replaced(holder, name, self._watched(getattr(holder, name), methods[name])))
            yield

    def _watched(self, function: Callable[..., Any], see: Callable[..., Any]) -> Callable[..., Any]:
        """Return ``function`` as ``see`` calls it, but for what this package and ``function`` themselves ask."""

        @wraps(function)
        def watched(*args: Any, **kwargs: Any) -> Any:
            if self._inside or sys._getframe(1).f_globals.get("__name__", "").partition(".")[0] == _OURS:  # noqa: SLF001 - its caller: there is no public way
                return function(*args, **kwargs)
            self._inside = True
            try:
                return see(function, args, kwargs)
            finally:
                self._inside = False

        return watched

    def _leaving(self, function: Any, args: Any, kwargs: Any, *, how: str, as_numbers: bool = True) -> Any:
        self._left(args[0], how, as_numbers=as_numbers)
        return function(*args, **kwargs)

    def _telling(self, function: Any, args: Any, kwargs: Any) -> Any:
        with self._fields.telling():
            return function(*args, **kwargs)

    def _cutting(self, function: Any, args: Any, kwargs: Any) -> Any:
        out = function(*args, **kwargs)
        if isinstance(out, Tensor) and _has_numbers(args[1]):
            self._fields.cut(out)
        return out


@contextmanager
def _replaced(holder: Any, name: str, function: Callable[..., Any]) -> Iterator[None]:
    own = vars(holder).get(name)
    setattr(holder, name, function)
    try:
        yield
    finally:
        if own is None:
            delattr(holder, name)
        else:
            setattr(holder, name, own)


def _has_numbers(index: Any) -> bool:
    items = index if isinstance(index, tuple) else (index,)
    slices = [item for item in items if isinstance(item, slice)]
    bounds = (bound for item in slices for bound in (item.start, item.stop, item.step))
    return any(isinstance(item, int) and not isinstance(item, bool) for item in (*items, *bounds))
