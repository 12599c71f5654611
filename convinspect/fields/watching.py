"""Python's methods and functions that say what no operator does, watched while a forward runs.

A mode of functions would see all of them, and every look at a shape besides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import wraps
from typing import Any

from torch import Tensor

from convinspect.torch_private import recurrent_functions

_ARRAYS = {
    "numpy": "Tensor.numpy",
    "tolist": "Tensor.tolist",
    "__array__": "Tensor.numpy",
    "__dlpack__": "Tensor.__dlpack__",
}


class Watch:
    """Tells of every tensor that becomes an array or a list, of every one that numbers have cut, and of sequences.

    Python passes over a slice that leaves nothing out: no operator runs, though a number decided that. Recurrent layers
    come as operators step by step, which do not say that ``steps`` run along the first dimension.
    """

    def __init__(
        self, tell: Callable[[Tensor, str], None], cut: Callable[[Tensor], None], steps: Callable[[Tensor], None]
    ) -> None:
        self._tell = tell
        self._cut = cut
        self._steps = steps
        self._inside = False

    @contextmanager
    def on(self, kinds: Sequence[type[Tensor]]) -> Iterator[None]:
        """Watch while the block runs; ``kinds`` are the classes of tensors with methods of their own for arrays."""
        with ExitStack() as undo:
            for kind in kinds:
                for name, said in _ARRAYS.items():
                    if name in vars(kind) or kind is Tensor:
                        undo.enter_context(_replaced(kind, name, self._telling(said, getattr(kind, name))))
            undo.enter_context(_replaced(Tensor, "__getitem__", self._cutting(Tensor.__getitem__)))
            for holder, name in recurrent_functions():
                undo.enter_context(_replaced(holder, name, self._stepping(getattr(holder, name))))
            yield

    def _telling(self, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(method)
        def told(tensor: Tensor, *args: Any, **kwargs: Any) -> Any:
            if self._inside:
                return method(tensor, *args, **kwargs)
            self._tell(tensor, name)
            self._inside = True
            try:
                return method(tensor, *args, **kwargs)
            finally:
                self._inside = False

        return told

    def _cutting(self, method: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(method)
        def indexed(tensor: Tensor, index: Any) -> Any:
            out = method(tensor, index)
            if _has_numbers(index):
                self._cut(out)
            return out

        return indexed

    def _stepping(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def stepped(*args: Any) -> Any:
            # The last one is whether the batch stands in front; of packed sequences another one: they have no batch.
            if not isinstance(args[-1], Tensor) and not args[-1]:
                self._steps(args[0])
            return function(*args)

        return stepped


@contextmanager
def _replaced(kind: Any, name: str, method: Callable[..., Any]) -> Iterator[None]:
    own = vars(kind).get(name)
    setattr(kind, name, method)
    try:
        yield
    finally:
        if own is None:
            delattr(kind, name)
        else:
            setattr(kind, name, own)


def _has_numbers(index: Any) -> bool:
    items = index if isinstance(index, tuple) else (index,)
    slices = [item for item in items if isinstance(item, slice)]
    bounds = (bound for item in slices for bound in (item.start, item.stop, item.step))
    return any(isinstance(item, int) and not isinstance(item, bool) for item in (*items, *bounds))
