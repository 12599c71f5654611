"""Where torch's meta kernels return something else than its CPU kernels do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

_aten = torch.ops.aten
_PAGE = 4096
_CACHE_LINE = 64
_FLOAT32 = 4
_LINE = 3  # dimensions of a signal in a batch: there is one format for it


def as_the_cpu_returns(func: Any, args: tuple[Any, ...], out: Any) -> Any:
    """Return ``out``, the result of a meta kernel, with the sizes that the CPU kernel gives it."""
    correct = _CORRECTIONS.get(func)
    return out if correct is None else correct(args, out)


def _batch_norm(args: tuple[Any, ...], out: Any) -> Any:
    """In evaluation the CPU saves no mean and no deviation; an input that can be read as contiguous is."""
    training = bool(args[5])
    if args[0].is_contiguous():
        out = (out[0].new_empty(out[0].shape), *out[1:])
    return _with_statistics(args, out) if training else _batch_norm_in_evaluation(args, out)


def _batch_norm_in_evaluation(_args: tuple[Any, ...], out: Any) -> Any:
    return (out[0], *(saved.new_empty(0) for saved in out[1:3]), *out[3:])


def _with_statistics(args: tuple[Any, ...], out: Any) -> Any:
    """The CPU keeps mean and deviation in the input's dtype unless the weight has another: then in float32."""
    given, weight = args[0], args[1]
    mixed = weight is not None and weight.dtype != given.dtype
    dtype = torch.float32 if mixed else given.dtype
    return (out[0], *(saved.to(dtype) for saved in out[1:3]), *out[3:])


def _layer_norm(args: tuple[Any, ...], out: Any) -> Any:
    return _with_statistics((args[0], args[2]), out)


def _convolution(args: tuple[Any, ...], out: Any) -> Any:
    """The CPU answers in the memory format of what it was given; the meta kernel knows no device and no format."""
    form = _memory_format(*args[:9])
    return out if form is None else out.to(memory_format=form)


def _convolution_backward(args: tuple[Any, ...], out: Any) -> Any:
    _, given, weight, bias_sizes, *geometry = args[:10]
    form = _memory_format(given, weight, None, *geometry, bias_sizes=bias_sizes)
    if form is None:
        return out
    return (*(part if part is None else part.to(memory_format=form) for part in out[:2]), out[2])


def _memory_format(*args: Any, bias_sizes: Any = None) -> torch.memory_format | None:
    """Return the format that the CPU's convolution of these arguments answers in; ``None``: as the meta kernel does."""
    given, weight = args[:2]
    if given.dim() == _LINE or (given.stride(1) != 1 and weight.stride(1) != 1):
        return None
    backend = torch._C._select_conv_backend(*args, bias_sizes)  # noqa: SLF001 - as FakeTensor does
    form: torch.memory_format = torch._C._conv_determine_backend_memory_format(given, weight, backend)  # noqa: SLF001
    return form


def _loss(args: tuple[Any, ...], out: Any) -> Any:
    """The CPU reduces in place: the scalar keeps the storage of all differences."""
    size = torch.broadcast_shapes(args[0].shape, args[1].shape).numel()
    return out if out.dim() else out.new_empty(size).as_strided((), ())


def _fold(args: tuple[Any, ...], out: Any) -> Any:
    """The CPU folds into a tensor as large as its input, and then calls it smaller."""
    return out.new_empty(max(args[0].numel(), out.numel())).as_strided(out.shape, out.stride())


def _recurrent_layer(args: tuple[Any, ...], out: Any) -> Any:
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


def _recurrent_layer_backward(_args: tuple[Any, ...], out: Any) -> Any:
    """The gradients of the two biases are equal, and two tensors all the same."""
    return (*out[:4], torch.empty_like(out[4]), *out[5:])


_CORRECTIONS: dict[Any, Callable[[tuple[Any, ...], Any], Any]] = {
    _aten.native_batch_norm.default: _batch_norm,
    _aten._native_batch_norm_legit.default: _batch_norm,  # noqa: SLF001 - the operator's name
    _aten._native_batch_norm_legit_no_training.default: _batch_norm_in_evaluation,  # noqa: SLF001
    _aten._batch_norm_with_update.default: _with_statistics,  # noqa: SLF001
    _aten.native_layer_norm.default: _layer_norm,
    _aten.native_group_norm.default: _with_statistics,
    _aten.convolution.default: _convolution,
    _aten.convolution_backward.default: _convolution_backward,
    _aten.col2im.default: _fold,
    _aten.mse_loss.default: _loss,
    _aten.smooth_l1_loss.default: _loss,
    _aten.soft_margin_loss.default: _loss,
    _aten.binary_cross_entropy.default: _loss,
    _aten.mkldnn_rnn_layer.default: _recurrent_layer,
    _aten.mkldnn_rnn_layer_backward.default: _recurrent_layer_backward,
}
