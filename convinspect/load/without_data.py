"""A constructor run on the meta device, where small buffers keep the values that it computes for them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from convinspect.light_imports import light_symbols, without_compiler
from convinspect.tensors.known import MOST, values_of, with_twin, with_values
from convinspect.tensors.operators import operands
from convinspect.torch_private import DispatchMode, undispatched

_META = torch.device("meta")
_FROM_PYTHON = (torch.tensor, torch.as_tensor)


@contextmanager
def built_without_data() -> Iterator[None]:
    """Run the block with tensors made on the meta device; what is known of their values is carried beside them."""
    with torch.device("meta"), _FromPython(), _Carried(), without_compiler():
        yield


class _FromPython(TorchFunctionMode):
    """Tensors of Python data: torch drops it on the way to the meta device, before anybody sees it."""

    def __torch_function__(
        self, func: Any, _types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func not in _FROM_PYTHON or kwargs.get("device") not in (None, "meta", _META):
            return func(*args, **kwargs)
        made = func(*args, **{**kwargs, "device": "cpu"})
        if made.requires_grad or made.numel() > MOST:
            return made.to(_META)
        with undispatched():
            return with_twin(made)


class _Carried(DispatchMode):
    """Lets operators that need values run on those that are known."""

    def __torch_dispatch__(
        self, func: Any, _types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        where = kwargs.get("device")
        given = operands(args, kwargs)
        if where != _META and not any(tensor.is_meta for tensor in given):
            return func(*args, **kwargs)
        leaves = where is not None and where != _META
        without_data = values_of if leaves else lambda tensor: tensor
        with light_symbols():
            return with_values(func, args, kwargs, given, lambda: func(*args, **kwargs), without_data)
