"""Operators whose result has a shape that a mask decides: with the mask known, so is the shape."""

from __future__ import annotations

from typing import Any

import torch

from convinspect.tensors.known import values_of
from convinspect.torch_private import aten

_MASKS = (torch.bool, torch.uint8)
_INDEXING = (
    *(torch.ops.aten.index.Tensor, torch.ops.aten._unsafe_index.Tensor),  # noqa: SLF001 - as torch names it
    *(aten(name) for name in ("index_put", "index_put_", "_index_put_impl_", "_unsafe_index_put")),
)


def with_indices(func: Any, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return ``args`` with the indices that known masks stand for in their place."""
    if func not in _INDEXING:
        return args
    indices: list[Any] = []
    for index in args[1]:
        is_mask = isinstance(index, torch.Tensor) and index.dtype in _MASKS
        mask = values_of(index) if is_mask else None
        indices += [index] if mask is None else mask.nonzero().unbind(1)
    return (args[0], indices, *args[2:])


def selected(func: Any, args: tuple[Any, ...]) -> torch.Tensor | None:
    """Return a meta tensor of what a known mask selects; ``None`` of any other operator, and of an unknown mask."""
    mask = values_of(args[1]) if func is torch.ops.aten.masked_select.default else None
    if mask is None:
        return None
    shape = torch.broadcast_shapes(args[0].shape, mask.shape)
    return torch.empty(int(mask.expand(shape).sum()), dtype=args[0].dtype, device="meta")
