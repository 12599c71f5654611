"""What two calls of an operator have in common: their arguments as a key, tensors by what somebody wants of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

_PLAIN = {int, float, bool, str, type(None), torch.dtype, torch.layout, torch.device, torch.memory_format}


class NotTold(Exception):  # noqa: N818 - an answer, not an error
    """An argument or a result is told by more than what goes into a key."""


def tell(value: Any, key: list[Any], tell_tensor: Callable[[torch.Tensor, list[Any]], None]) -> None:
    """Append to ``key`` what tells an argument from others, of its tensors what ``tell_tensor`` appends.

    One flat list a call: the collector of garbage walks through whatever is nested. Raises `NotTold` for what is
    neither plain, nor a tensor, nor a list of such.
    """
    kind = type(value)
    if kind in _PLAIN:
        key += (kind, value)  # for 1, 1.0 and True are equal
    elif issubclass(kind, torch.Tensor):
        tell_tensor(value, key)
    elif issubclass(kind, (list, tuple)):
        key.append(len(value))
        for item in value:
            tell(item, key, tell_tensor)
    else:
        raise NotTold
