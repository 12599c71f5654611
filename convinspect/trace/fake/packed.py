"""Packed sequences without data: torch reads their batch sizes, and writes lengths, past all of its operators."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby

import torch

from convinspect.tensors.known import remember, values_of
from convinspect.torch_private import kernel_on_cpu, undispatched


def with_real_sizes(data: torch.Tensor, sizes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return a packed sequence whose batch sizes have data, where they are known."""
    with undispatched():
        known = values_of(sizes)
        return data, sizes if known is None else known.clone()


@contextmanager
def padding_in_python() -> Iterator[None]:
    """Let sequences be padded by the operators that torch does it with, without reading or writing past them."""
    with kernel_on_cpu("_pad_packed_sequence", _padded):
        yield


def _padded(
    data: torch.Tensor,
    batch_sizes: torch.Tensor,
    batch_first: bool,  # noqa: FBT001 - as torch's schema has it
    padding_value: float,
    total_length: int,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return sequences ``(time, batch, ...)`` of rows ``(sum of sizes, ...)``, and their lengths, the longest first.

    Time steps of one size are copied together. Source: torch's own kernel.
    """
    sizes = [int(size) for size in batch_sizes.tolist()]
    steps, batch = max(total_length, len(sizes)), sizes[0]
    out = torch.full((steps, batch, *data.shape[1:]), padding_value, dtype=data.dtype)
    lengths = torch.empty(batch, dtype=batch_sizes.dtype)
    with undispatched():
        values = torch.tensor([sum(size > place for size in sizes) for place in range(batch)], dtype=lengths.dtype)
        remember(lengths.untyped_storage(), values.untyped_storage())
    done = read = 0
    for size, run in groupby(sizes):
        count = len(list(run))
        piece = data.narrow(0, read, size * count)
        place = out.narrow(0, done, count).narrow(1, 0, size)
        place.copy_(piece.view(count, size, *data.shape[1:]))
        done, read = done + count, read + size * count
    return out.transpose(0, 1) if batch_first else out, lengths
