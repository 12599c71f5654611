"""The mode of a run without data: while it is on, all that torch makes is fake."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch

from convinspect.tensors.known import is_known, says_anything
from convinspect.tensors.likeness import NotTold
from convinspect.tensors.operators import mapped, operands
from convinspect.torch_private import DispatchMode
from convinspect.trace.fake.layouts import Layouts
from convinspect.trace.fake.operators import is_told_by_its_tensors, takes_device
from convinspect.trace.fake.sparse import answer_on_zeros, is_sparse
from convinspect.trace.fake.tensor import (
    ASKS_DEVICE,
    FakeTensor,
    Kernel,
    as_fake,
    is_fake,
    note_what_is_missed,
    on_meta,
    plain_of,
    run,
)

# Tensors made of Python data come to the dispatcher as an argument of this operator.
_BORN_HERE = torch.ops.aten.lift_fresh.default


class FakeMode(DispatchMode):
    """While it is on, operators that make tensors out of nothing make fake ones; it asks ``layouts`` how they lie."""

    def __init__(self, layouts: Layouts | None = None) -> None:
        super().__init__()
        self._layouts = layouts or new_layouts()

    def __torch_dispatch__(
        self, func: Any, _types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run ``func`` for real where all its tensors are, else on meta."""
        kwargs = kwargs or {}
        if func is ASKS_DEVICE:
            return args[0].device
        return self.answer(func, args, kwargs, operands(args, kwargs))

    def answer(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], tensors: Sequence[torch.Tensor]) -> Any:
        """Return the result of ``func``; ``tensors`` are those that it is given. No mode must see what runs for it."""
        if tensors and is_told_by_its_tensors(func) and all(map(_is_unknown, tensors)):
            try:
                return self._layouts.answer(func, args, kwargs, tensors, partial(on_meta, func, args, kwargs))
            except Exception as error:
                note_what_is_missed(error, tensors)
                raise
        if func is _BORN_HERE and not is_fake(args[0]):
            return as_fake(args[0])
        if not tensors and not takes_device(func):  # arithmetic of Python's numbers
            return mapped(func(*args, **kwargs), as_fake)
        if tensors and not any(is_fake(t) or (t.layout is torch.strided and not is_known(t)) for t in tensors):
            return func(*args, **kwargs)
        if is_sparse(func, tensors):
            return mapped(answer_on_zeros(func, args, kwargs, is_fake), as_fake)
        return run(func, args, kwargs, tensors, self._layouts)


def new_layouts() -> Layouts:
    """Return the layouts of a run that knows none yet."""
    return Layouts(FakeTensor, _on_its_storage)


def _on_its_storage(tensor: FakeTensor) -> torch.Tensor:
    plain = plain_of(tensor)
    if plain is tensor:
        raise NotTold
    return plain


def _is_unknown(tensor: torch.Tensor) -> bool:
    return type(tensor) is FakeTensor and not (says_anything(tensor) or Kernel.running)
