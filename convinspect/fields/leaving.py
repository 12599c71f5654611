"""Numbers that leave torch: what comes back of a followed tensor as a number or an array cannot be followed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from convinspect.fields.operations.field import Cause
from convinspect.tensors.operators import Signature

_ITEM = "aten::_local_scalar_dense"
# How torch makes a tensor of data from outside.
_MADE_OF_DATA = frozenset(("aten::lift_fresh", "aten::lift_fresh_copy"))
# By the names of methods: a tensor without data has its own.
_ARRAYS = {
    "numpy": "Tensor.numpy",
    "tolist": "Tensor.tolist",
    "__array__": "Tensor.numpy",
    "__dlpack__": "Tensor.__dlpack__",
}
_INDEXED = Tensor.__getitem__
# Their last argument is whether the batch stands in front; of packed sequences another one, and these have no batch.
_RECURRENT = frozenset((torch.lstm, torch.gru, torch.rnn_tanh, torch.rnn_relu))
# Arguments by which a number says which elements are taken, or how many there are: one of the code says it as well.
_BOUNDS = ("start", "end", "step", "index", "length", "diagonal", "offset", "storage_offset", "shifts", "pad")
_AMOUNTS = ("split_size", "split_sizes", "sections", "chunks", "k", "n", "m", "output_size", "num_classes", "repeats")
_PLACES = frozenset((*_BOUNDS, *_AMOUNTS, "steps"))
# Sizes are mostly those of other tensors: here only the very number counts.
_SIZES = frozenset(("size", "shape", "sizes"))
_FROM, _TO_THE_END, _STEP = (0, None), (sys.maxsize, None), 1


class Left:
    """What has left: ``number`` and ``array`` are where it did first, or ``None``; ``returned``: it came back.

    A truth value is none: what a branch decides is not followed. Any number that an operator is given afterwards may
    be the one that left, or be worked out of it, a constant of the code too: nobody can tell.
    """

    def __init__(self) -> None:
        self.number: Cause | None = None
        self.array: Cause | None = None
        self.returned = False
        self._numbers: set[int] = set()

    def item(self, signature: Signature, out: Any, cause: Cause) -> None:
        """Take note of an operator on a followed tensor that gave ``out``."""
        if signature.name == _ITEM and not isinstance(out, bool):
            self.number = self.number or cause
            if isinstance(out, int):
                self._numbers.add(out)

    def whole(self, cause: Cause) -> None:
        """Take note of a followed tensor that became an array or a list, whose numbers can be taken out of it."""
        self.array = self.array or cause
        self.number = self.number or cause

    def came_back(self, signature: Signature, given: Mapping[str, Any]) -> Cause | None:
        """Return what left before and may be among the arguments of an operator, or in what it makes."""
        if signature.name in _MADE_OF_DATA:
            return self.array or self.number
        return self.number if self.number is not None and self._may_hold(signature, given) else None

    def _may_hold(self, signature: Signature, given: Mapping[str, Any]) -> bool:
        kinds = dict(zip(signature.names, signature.types, strict=True))
        numbers = (name for name, value in given.items() if isinstance(value, (int, float)))
        if any(kinds.get(name) in ("number", "Tensor", "Optional[number]") for name in numbers):
            return True
        if self._numbers.intersection(size for name in _SIZES for size in _whole(given.get(name)) if size > 1):
            return True
        if signature.name == "aten::slice" and _is_all(given):
            return False
        return any(True for name in _PLACES for _ in _whole(given.get(name)))


def _whole(value: Any) -> Iterator[int]:
    """Yield the whole numbers in an argument."""
    for item in value if isinstance(value, (list, tuple)) else (value,):
        if isinstance(item, int) and not isinstance(item, bool):
            yield item


def _is_all(given: Mapping[str, Any]) -> bool:
    """Tell a slice that leaves nothing out, whatever the sizes are."""
    return given.get("start") in _FROM and given.get("end") in _TO_THE_END and given.get("step", _STEP) == _STEP


class WatchArrays(TorchFunctionMode):
    """Tells of every tensor that becomes an array or a list, of every one that numbers have cut, and of sequences.

    Python passes over a slice that leaves nothing out: no operator runs, though a number decided that. Recurrent layers
    come as operators step by step, which do not say that ``steps`` run along the first dimension.
    """

    def __init__(
        self, tell: Callable[[Tensor, str], None], cut: Callable[[Tensor], None], steps: Callable[[Tensor], None]
    ) -> None:
        super().__init__()
        self._tell = tell
        self._cut = cut
        self._steps = steps

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run ``func``."""
        name = _ARRAYS.get(getattr(func, "__name__", ""))
        if name is not None and args and isinstance(args[0], Tensor):
            self._tell(args[0], name)
        if func in _RECURRENT and not isinstance(args[-1], Tensor) and not args[-1]:
            self._steps(args[0])
        out = func(*args, **(kwargs or {}))
        if func is _INDEXED and isinstance(out, Tensor) and _has_numbers(args[1]):
            self._cut(out)
        return out


def _has_numbers(index: Any) -> bool:
    items = index if isinstance(index, tuple) else (index,)
    slices = [item for item in items if isinstance(item, slice)]
    bounds = (bound for item in slices for bound in (item.start, item.stop, item.step))
    return any(isinstance(item, int) and not isinstance(item, bool) for item in (*items, *bounds))
