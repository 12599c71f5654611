"""What the CPU's recurrent layers return and keep, where meta kernels say that it is nothing."""

from __future__ import annotations

from typing import Any

import torch

_PAGE = 4096
_CACHE_LINE = 64
_FLOAT32 = 4


def recurrent_layer(args: tuple[Any, ...], out: Any) -> Any:
    """Without training there is no workspace, nor without gradients; else meta says that it is empty."""
    train = bool(args[15]) and torch.is_grad_enabled()
    workspace = out[3].new_empty(_workspace_bytes(args[0], int(args[10]))) if train else None
    return (*out[:3], workspace)


def _workspace_bytes(steps: torch.Tensor, hidden: int) -> int:
    """Return what oneDNN keeps of an LSTM layer for its backward pass: seven regions of whole pages.

    ``steps`` is ``(T, N, I)``. The gates are ``(T, N, 4H)``; three regions hold the layer's states and two gradients
    of them, ``(2, T + 1, N, max(I, H))``, two the cells' state and gradient, ``(2, T + 1, N, H)``, and one
    ``(T, N, H)``. Gradients are float32; rows are padded, but for the cells'. Source: ``set_workspace_offsets`` and
    ``get_good_ld`` in oneDNN's ``rnn_utils.cpp``; sizes measured, in float32 and bfloat16.
    """
    length, batch, features = steps.shape
    item, states, widest = steps.element_size(), 2 * (length + 1), max(features, hidden)
    regions = (
        length * _row(4 * hidden, item) * item,
        states * _row(widest, item) * item,
        *(states * _row(widest, _FLOAT32) * _FLOAT32,) * 2,
        states * hidden * item,
        states * hidden * _FLOAT32,
        length * _row(hidden, item) * item,
    )
    return sum(-(-region * batch // _PAGE) * _PAGE for region in regions)


def _row(size: int, item: int) -> int:
    """Round up to a cache line, and past multiples of 256, where lines would fall on one another."""
    line = _CACHE_LINE // item
    padded = -(-size // line) * line
    return padded + line if padded % 256 == 0 else padded


def recurrent_layer_backward(_args: tuple[Any, ...], out: Any) -> Any:
    """The gradients of the two biases are equal, and two tensors all the same."""
    return (*out[:4], torch.empty_like(out[4]), *out[5:])
