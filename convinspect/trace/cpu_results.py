"""Where torch's meta kernels return something else than its CPU kernels do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

_aten = torch.ops.aten


def as_the_cpu_returns(func: Any, args: tuple[Any, ...], out: Any) -> Any:
    """Return ``out``, the result of a meta kernel, with the sizes that the CPU kernel gives it."""
    correct = _CORRECTIONS.get(func)
    return out if correct is None else correct(args, out)


def _batch_norm(args: tuple[Any, ...], out: Any) -> Any:
    """In evaluation the CPU saves no mean and no deviation."""
    training = bool(args[5])
    return out if training else (out[0], *(saved.new_empty(0) for saved in out[1:3]), *out[3:])


def _batch_norm_in_evaluation(_args: tuple[Any, ...], out: Any) -> Any:
    return (out[0], *(saved.new_empty(0) for saved in out[1:]))


def _recurrent_layer(args: tuple[Any, ...], out: Any) -> Any:
    """Without training there is no workspace."""
    train = bool(args[15])
    return out if train else (*out[:3], None)


_CORRECTIONS: dict[Any, Callable[[tuple[Any, ...], Any], Any]] = {
    _aten.native_batch_norm.default: _batch_norm,
    _aten._native_batch_norm_legit.default: _batch_norm,  # noqa: SLF001 - the operator's name
    _aten._native_batch_norm_legit_no_training.default: _batch_norm_in_evaluation,  # noqa: SLF001
    _aten.mkldnn_rnn_layer.default: _recurrent_layer,
}
