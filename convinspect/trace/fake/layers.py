"""What convolutions, normalisations and their derivatives return without data, known without torch's kernels for it.

Those of normalisations are decompositions: thirty operators in Python. ``None`` is said of what is not beyond doubt.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from convinspect.torch_private import aten
from convinspect.trace.fake.cpu_layouts import format_of, format_of_convolution
from convinspect.trace.fake.pointwise_layout import in_order

_META = torch.device("meta")


def empty(
    shape: Sequence[int], like: torch.Tensor, form: torch.memory_format = torch.contiguous_format
) -> torch.Tensor:
    """Return a tensor without data of the dtype of ``like``, without gaps."""
    return torch.empty(shape, dtype=like.dtype, device=_META, memory_format=form)


def is_in_order(tensor: torch.Tensor) -> bool:
    """Tell whether ``tensor`` lies contiguously and in no other format, strides of axes of size 1 included."""
    return tensor.stride() == in_order(tensor.shape)


def _batch_norm(
    given: torch.Tensor, weight: Any, _bias: Any, _mean: Any, _variance: Any, training: Any, *_: Any
) -> Any:
    """In the input's format where that is without gaps; mean and deviation are kept in training alone."""
    mixed = weight is not None and weight.dtype != given.dtype
    dtype = torch.float32 if mixed else given.dtype
    kept = given.shape[1] if training else 0
    saved = (torch.empty(kept, dtype=dtype, device=_META) for _ in range(2))
    return (empty(given.shape, given, format_of(given)), *saved)


def _batch_norm_backward(grad: torch.Tensor, given: torch.Tensor, weight: Any, *rest: Any) -> Any:
    """Gradients of contiguous tensors are contiguous; of others, what the decomposition says."""
    of_input = empty(given.shape, given)
    if not grad.stride() == given.stride() == of_input.stride():
        return None
    like = given if weight is None else weight
    of_channels = (empty(given.shape[1:2], like) for _ in range(2))
    return tuple(one if asked else None for one, asked in zip((of_input, *of_channels), rest[-1], strict=True))


def _layer_norm(given: torch.Tensor, shape: Any, weight: Any, bias: Any, _epsilon: float) -> Any:
    """All is contiguous; mean and deviation keep the axes that they are taken over, of size 1."""
    sizes, outer = torch.Size(shape), given.dim() - len(shape)
    parts = [part for part in (weight, bias) if part is not None]
    alike = all(part.dtype is given.dtype and part.shape == sizes for part in parts)
    if not (alike and sizes and given.shape[outer:] == sizes and given.is_floating_point() and given.numel()):
        return None
    kept = (*given.shape[:outer], *(1 for _ in sizes))
    return tuple(empty(size, given) for size in (given.shape, kept, kept))


def _layer_norm_backward(
    _grad: torch.Tensor, given: torch.Tensor, shape: Any, _mean: Any, _rstd: Any, weight: Any, bias: Any, mask: Any
) -> Any:
    """Gradients are contiguous, whatever those are that they are made of."""
    if not given.numel():
        return None
    kinds = ((given.shape, given), (shape, weight), (shape, bias))
    return tuple(
        empty(sizes, like) if asked and like is not None else None
        for (sizes, like), asked in zip(kinds, mask, strict=True)
    )


def _convolution(given: torch.Tensor, weight: torch.Tensor, bias: Any, *geometry: Any) -> Any:
    strides, padding, dilation, transposed, more, groups = geometry
    steps, rank = (strides, padding, dilation, more), weight.dim() - 2
    alike = given.dtype is weight.dtype and (bias is None or bias.dtype is given.dtype)
    if not alike or rank < 1 or given.dim() != rank + 2 or any(len(part) != rank for part in steps):
        return None
    first, second = weight.shape[0], weight.shape[1] * groups
    taken, channels = (first, second) if transposed else (second, first)
    if given.shape[1] != taken or first % groups or min(*strides, *dilation) < 1:
        return None
    sizes = [
        (size - 1) * stride - 2 * pad + gap * (taps - 1) + extra + 1
        if transposed
        else (size + 2 * pad - gap * (taps - 1) - 1) // stride + 1
        for size, taps, stride, pad, gap, extra in zip(given.shape[2:], weight.shape[2:], *steps, strict=True)
    ]
    if min(*sizes, *given.shape) < 1:
        return None
    out = empty((given.shape[0], channels, *sizes), given)
    if not transposed and _is_contiguous_beyond_doubt(given, weight):
        return out
    form = format_of_convolution(given, weight, bias, *geometry)
    return out if form is None else out.to(memory_format=form)


def _convolution_backward(
    grad: torch.Tensor, given: torch.Tensor, weight: torch.Tensor, bias_sizes: Any, *geometry: Any
) -> Any:
    """Gradients of weight and input lie in one format; where none is known, contiguously as those do."""
    form = None
    if not _is_contiguous_beyond_doubt(given, weight):
        form = format_of_convolution(given, weight, None, *geometry[:-1], bias_sizes=bias_sizes)
    if form is None and not (given.is_contiguous() and weight.is_contiguous()):
        return None
    sizes = (given.shape, weight.shape, bias_sizes)
    of_input, of_weight, of_bias = (
        empty(size, grad) if asked else None for size, asked in zip(sizes, geometry[-1], strict=True)
    )
    if form is None:
        return of_input, of_weight, of_bias
    return (*(part if part is None else part.to(memory_format=form) for part in (of_input, of_weight)), of_bias)


def _is_contiguous_beyond_doubt(given: torch.Tensor, weight: torch.Tensor) -> bool:
    """Tell what a convolution answers contiguously: an axis of size 1 makes an input lie in several formats."""
    return given.is_contiguous() and 1 not in given.shape[1:] and is_in_order(weight)


LAYERS: dict[Any, Callable[..., Any]] = {
    aten("native_batch_norm"): _batch_norm,
    aten("_native_batch_norm_legit"): _batch_norm,
    aten("native_batch_norm_backward"): _batch_norm_backward,
    aten("native_layer_norm"): _layer_norm,
    aten("native_layer_norm_backward"): _layer_norm_backward,
    aten("convolution"): _convolution,
    aten("convolution_backward"): _convolution_backward,
}
