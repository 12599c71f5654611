"""What Python does with tensors that no operator tells: makes arrays of them, lends their memory, prints them.

Methods and functions are replaced while a forward runs: a mode of functions would see every look at a shape besides.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterator, Sequence
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
}
# Where memory is says nothing of what is in it.
_STORAGES = ("data_ptr", "storage", "untyped_storage")
_COUNTS = ("size", "numel", "nelement", "__len__")
_OF_ALL = ("numel", "nelement")
_TELLING = ("__format__", "__repr__", "__str__")
_OURS = __name__.partition(".")[0]
_OURS_AND_TORCHS = (_OURS, "torch", "torchvision")


class Leaves(Protocol):
    """What is told of tensors that become arrays or lists, and of those whose memory is lent."""

    def __call__(self, tensor: Tensor, how: str, *, as_numbers: bool = True) -> None:
        """Take note of ``tensor``; ``how`` is what torch calls that."""


class WatchPython:
    """Tells ``fields`` of what Python does with tensors, and ``left`` of those that become arrays or lists.

    Python passes over a slice that leaves nothing out: no operator runs, though a number decided that.
    ``counted(tensor, sizes, how)`` is told of sizes that are read, once operators have found how many elements there
    are; torch's own code reads them for shapes alone.
    """

    def __init__(
        self, fields: FieldTracker, left: Leaves, counted: Callable[[Tensor, Collection[int], str], None]
    ) -> None:
        self._fields = fields
        self._left = left
        self._counted = counted
        self._inside = False

    @contextmanager
    def on(self, kinds: Sequence[type[Tensor]]) -> Iterator[None]:
        """Watch while the block runs; ``kinds`` are the classes of tensors that have methods of their own."""
        methods: dict[str, Callable[..., Any]] = {
            **{name: partial(self._leaving, how=how) for name, how in _ARRAYS.items()},
            **{name: partial(self._leaving, how=f"Tensor.{name}", as_numbers=False) for name in _STORAGES},
            **dict.fromkeys(_TELLING, self._telling),
            "__getitem__": self._cutting,
            "__deepcopy__": self._copying,
            "__float__": self._rounding,
        }
        places = [(kind, name) for kind in kinds for name in methods if kind is Tensor or name in vars(kind)]
        with ExitStack() as undo:
            for holder, name in places:
                undo.enter_context(_replaced(holder, name, self._watched(getattr(holder, name), methods[name])))
            self._watch_capsules(undo)
            numel = self._watched(torch.numel, partial(self._counting, how="torch.numel"), _OURS_AND_TORCHS)
            undo.enter_context(_replaced(torch, "numel", numel))
            counts = self._fields.left.counts
            undo.callback(setattr, counts, "when_found", counts.when_found)
            counts.when_found = lambda: self._watch_sizes(undo)
            yield

    def _watch_capsules(self, undo: ExitStack) -> None:
        """Watch the ways out through dlpack, but for those of torch's own ``from_dlpack``, and the one back in."""
        leaving = partial(self._leaving, how="Tensor.__dlpack__")
        capsule = partial(leaving, as_numbers=False)
        back = torch._C, "_from_dlpack", self._returning, (_OURS,)  # noqa: SLF001 - what every from_dlpack calls
        for holder, name, see, but_for in (
            (Tensor, "__dlpack__", leaving, _OURS_AND_TORCHS),
            (torch, "to_dlpack", capsule, _OURS_AND_TORCHS),
            (torch.utils.dlpack, "to_dlpack", capsule, _OURS_AND_TORCHS),
            back,
        ):
            undo.enter_context(_replaced(holder, name, self._watched(getattr(holder, name), see, but_for)))

    def _watch_sizes(self, undo: ExitStack) -> None:
        shape: Any = Tensor.shape
        for name, function in (("shape", shape.__get__), *((name, getattr(Tensor, name)) for name in _COUNTS)):
            watched = self._watched(function, partial(self._counting, how=f"Tensor.{name}"), _OURS_AND_TORCHS)
            undo.enter_context(_replaced(Tensor, name, property(watched) if name == "shape" else watched))

    def _watched(
        self, function: Callable[..., Any], see: Callable[..., Any], but_for: Collection[str] = (_OURS,)
    ) -> Callable[..., Any]:
        """Return ``function`` as ``see`` calls it, but for packages ``but_for`` and what ``function`` itself asks."""

        @wraps(function)
        def watched(*args: Any, **kwargs: Any) -> Any:
            if self._inside or sys._getframe(1).f_globals.get("__name__", "").partition(".")[0] in but_for:  # noqa: SLF001 - its caller: there is no public way
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
        if isinstance(out, Tensor) and (numbers := _numbers(args[1])):
            self._fields.cut(out, numbers)
        return out

    def _copying(self, function: Any, args: Any, kwargs: Any) -> Any:
        out = function(*args, **kwargs)
        self._fields.copied(out, args[0])
        return out

    def _returning(self, function: Any, args: Any, kwargs: Any) -> Any:
        out = function(*args, **kwargs)
        self._fields.shared(out)
        return out

    def _rounding(self, function: Any, args: Any, kwargs: Any) -> Any:
        with self._fields.left.as_a_fraction():
            return function(*args, **kwargs)

    def _counting(self, function: Any, args: Any, kwargs: Any, *, how: str) -> Any:
        out = function(*args, **kwargs)
        sizes = (out,) if isinstance(out, int) else out
        self._counted(args[0], args[0].size() if how.endswith(_OF_ALL) else sizes, how)
        return out


@contextmanager
def _replaced(holder: Any, name: str, function: object) -> Iterator[None]:
    own = vars(holder).get(name)
    setattr(holder, name, function)
    try:
        yield
    finally:
        if own is None:
            delattr(holder, name)
        else:
            setattr(holder, name, own)


def _numbers(index: Any) -> list[int]:
    items = index if isinstance(index, tuple) else (index,)
    slices = [item for item in items if isinstance(item, slice)]
    bounds = (bound for item in slices for bound in (item.start, item.stop, item.step))
    return [item for item in (*items, *bounds) if isinstance(item, int) and not isinstance(item, bool)]
