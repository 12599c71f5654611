"""TorchScript read by torch, on whatever device, without a word of its own to the user."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from convinspect.tensors.identity import same_piece
from convinspect.torch_private import DispatchMode

_EQUAL = torch.ops.aten.equal.default


def load_script(file: Any, device: str | None) -> Any:
    """Return the archive ``file`` (a path or a buffer) on ``device``; ``None``: where it was saved.

    Raises what torch raises.
    """
    with quiet(), ConstantsCompared():
        return torch.jit.load(file, map_location=device)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep what TorchScript says about its own deprecation away from the user's terminal."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"`torch\.jit\.\w+` is deprecated")
        yield


class ConstantsCompared(DispatchMode):
    """Answers whether two constants of a graph are equal, which torch asks to keep one: of those on meta it cannot.

    Without data those are that are one tensor. Others that are equal were made one before they were saved.
    """

    def __torch_dispatch__(
        self, func: Any, _types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func is _EQUAL and all(tensor.is_meta for tensor in args):
            one, other = map(same_piece, args)
            return one == other
        return func(*args, **(kwargs or {}))
