"""What operators return on the CPU, found out without torch's meta kernels: of those of which networks are full.

On meta many of them are decompositions in Python, thirty operators for a normalisation, a fifth of a ResNet's time;
some take less there than the CPU does. Each answers for arguments that it surely knows how to lay out, and leaves the
others, and those that do not fit, to the kernel, which says what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from convinspect.torch_private import aten
from convinspect.trace.fake.cpu_layouts import format_of, format_of_convolution
from convinspect.trace.fake.pointwise_layout import in_order

_META = torch.device("meta")
_OF_MATRICES = (2, 3)  # dimensions of a matrix, and of many


def answer_of_the_cpu(func: Any, args: tuple[Any, ...]) -> Any:
    """Return the result of ``func`` as the CPU returns it, where that is known without the meta kernel; else ``None``.

    ``args`` are those that were given by position.
    """
    answer = _ANSWERS.get(func)
    return None if answer is None else answer(*args)


def _empty(shape: Sequence[int], like: torch.Tensor) -> torch.Tensor:
    return torch.empty(shape, dtype=like.dtype, device=_META)


def _in_order(given: torch.Tensor) -> torch.Tensor | None:
    """Return a tensor like ``given`` where that lies in the order of its axes beyond doubt, those of size 1 too."""
    return _empty(given.shape, given) if given.stride() == in_order(given.shape) else None


def _are_alike(*given: torch.Tensor | None) -> bool:
    """Tell whether all that is ``given`` has one dtype, and none is sparse."""
    kinds = {(tensor.dtype, tensor.layout) for tensor in given if tensor is not None}
    return len(kinds) == 1 and kinds.pop()[1] is torch.strided


def _convolution(
    given: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, *geometry: Any
) -> torch.Tensor | None:
    stride, padding, dilation, transposed, output_padding, groups = geometry
    lengths, kernel = given.shape[2:], weight.shape[2:]
    settings = (kernel, stride, padding, dilation, output_padding)
    if not lengths or any(len(setting) != len(lengths) for setting in settings):
        return None
    many, few = weight.shape[0], weight.shape[1] * groups
    taken, channels = (many, few) if transposed else (few, many)
    if given.shape[1] != taken or not taken or (bias is not None and bias.shape != (channels,)):
        return None
    axes = zip(lengths, *settings, strict=True)
    sizes = [
        (i - 1) * s - 2 * p + d * (k - 1) + more + 1 if transposed else (i + 2 * p - d * (k - 1) - 1) // s + 1
        for i, k, s, p, d, more in axes
    ]
    if min(sizes) <= 0:
        return None
    out = _empty((given.shape[0], channels, *sizes), given)
    form = format_of_convolution(given, weight, bias, *geometry)
    return out if form is None else out.to(memory_format=form)


def _convolution_backward(
    grad: torch.Tensor, given: torch.Tensor, weight: torch.Tensor, bias_sizes: Any, *geometry: Any
) -> Any:
    """Gradients of weight and input lie in one format; where none is known, contiguously as those do."""
    form = format_of_convolution(given, weight, None, *geometry[:-1], bias_sizes=bias_sizes)
    if form is None and not (given.is_contiguous() and weight.is_contiguous()):
        return None
    sizes = (given.shape, weight.shape, bias_sizes)
    of_input, of_weight, of_bias = (
        _empty(size, grad) if asked else None for size, asked in zip(sizes, geometry[-1], strict=True)
    )
    if form is None:
        return of_input, of_weight, of_bias
    return (*(part if part is None else part.to(memory_format=form) for part in (of_input, of_weight)), of_bias)


def _batch_norm(given: torch.Tensor, weight: torch.Tensor | None, *rest: Any) -> Any:
    """Channels last where the input is, else contiguously; mean and deviation are those of a batch, if any is asked.

    They have the input's dtype, unless the weight has another: then they are float32.
    """
    *_, training, _momentum, _eps = rest
    out = torch.empty(given.shape, dtype=given.dtype, device=_META, memory_format=format_of(given))
    dtype = given.dtype if weight is None or weight.dtype == given.dtype else torch.float32
    channels = given.shape[1] if training else 0
    return (out, *(torch.empty(channels, dtype=dtype, device=_META) for _ in range(2)))


def _batch_norm_backward(grad: torch.Tensor, given: torch.Tensor, weight: Any, *rest: Any) -> Any:
    """Gradients of contiguous tensors are contiguous."""
    of_input = _in_order(given)
    if of_input is None or grad.stride() != of_input.stride():
        return None
    like = given if weight is None else weight
    of_channels = (_empty((given.shape[1],), like) for _ in range(2))
    return tuple(one if asked else None for one, asked in zip((of_input, *of_channels), rest[-1], strict=True))


def _layer_norm(
    given: torch.Tensor,
    shape: Sequence[int],
    weight: torch.Tensor | None,
    bias: torch.Tensor | None,
    _eps: float,
) -> Any:
    """All is contiguous; mean and deviation keep the axes that they are taken over, of size 1."""
    normed, sizes = len(shape), tuple(shape)
    fits = (
        normed and given.shape[-normed:] == sizes and all(one is None or one.shape == sizes for one in (weight, bias))
    )
    if not fits or not given.is_floating_point() or not _are_alike(given, weight, bias):
        return None
    statistics = (*given.shape[:-normed], *(1,) * normed)
    return tuple(_empty(size, given) for size in (given.shape, statistics, statistics))


def _layer_norm_backward(
    _grad: torch.Tensor, given: torch.Tensor, shape: Any, _mean: Any, _rstd: Any, weight: Any, bias: Any, mask: Any
) -> Any:
    """Gradients are contiguous, whatever those are that they are made of."""
    if not given.numel():
        return None
    kinds = ((given.shape, given), (shape, weight), (shape, bias))
    return tuple(
        _empty(sizes, like) if asked and like is not None else None
        for (sizes, like), asked in zip(kinds, mask, strict=True)
    )


def _product(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor | None:
    """A product of matrices, or of as many on both sides, is contiguous, whatever those are that it is made of."""
    if one.dim() != other.dim() or one.dim() not in _OF_MATRICES or not _are_alike(one, other):
        return None
    *batch, rows, inner = one.shape
    if (*batch, inner) != tuple(other.shape[:-1]):
        return None
    return _empty((*batch, rows, other.shape[-1]), one)


def _product_and_sum(added: torch.Tensor, one: torch.Tensor, other: torch.Tensor) -> torch.Tensor | None:
    out = _product(one, other)
    fits = out is not None and added.shape in (out.shape, out.shape[1:]) and _are_alike(added, one)
    return out if fits else None


def _grouped_product(
    one: torch.Tensor, other: torch.Tensor, offsets: Any = None, _bias: Any = None, dtype: torch.dtype | None = None
) -> torch.Tensor:
    """Groups of rows, of columns or of what is contracted; with three dimensions a group is a matrix."""
    grouped = one.dim() == other.dim()
    batch = (one.shape[0] if offsets is None else offsets.shape[0],) if grouped else ()
    return torch.empty(*batch, one.shape[-2], other.shape[-1], dtype=dtype or one.dtype, device=_META)


def _joined(given: Sequence[torch.Tensor], dim: int = 0) -> torch.Tensor | None:
    """What lies in the order of its axes is joined in that order."""
    if not _are_alike(*given) or any(part.stride() != in_order(part.shape) for part in given):
        return None
    shapes = [tuple(part.shape) for part in given]
    axes = len(shapes[0])
    if not -axes <= dim < axes:
        return None
    dim %= axes
    before, after = shapes[0][:dim], shapes[0][dim + 1 :]
    if any((shape[:dim], shape[dim + 1 :]) != (before, after) or 0 in shape for shape in shapes):
        return None
    return _empty((*before, sum(shape[dim] for shape in shapes), *after), given[0])


def _rolled(given: torch.Tensor, shifts: Sequence[int], dims: Sequence[int] = ()) -> torch.Tensor | None:
    axes = given.dim()
    fits = len(shifts) == len(dims) > 0 and all(-axes <= dim < axes for dim in dims)
    return _in_order(given) if fits else None


_ANSWERS: dict[Any, Callable[..., Any]] = {
    aten("convolution"): _convolution,
    aten("convolution_backward"): _convolution_backward,
    aten("native_batch_norm"): _batch_norm,
    aten("_native_batch_norm_legit"): _batch_norm,
    aten("native_batch_norm_backward"): _batch_norm_backward,
    aten("native_layer_norm"): _layer_norm,
    aten("native_layer_norm_backward"): _layer_norm_backward,
    aten("mm"): _product,
    aten("bmm"): _product,
    aten("addmm"): _product_and_sum,
    aten("_grouped_mm"): _grouped_product,
    aten("cat"): _joined,
    aten("roll"): _rolled,
}
