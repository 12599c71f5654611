"""What operators return without data, known without torch's own kernels for it: those are Python, up to a millisecond.

What is said here holds beyond doubt, for calls as networks make them: of floats of one kind, mostly of tensors without
gaps. Of any other call nothing is said, so that torch's kernel answers, or raises its error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from math import prod
from typing import Any

import torch

from convinspect.tensors.operators import mutates
from convinspect.torch_private import aten
from convinspect.trace.fake.layers import LAYERS, empty, is_in_order

_META = torch.device("meta")
_NUMBERS = (int, float)
# A tensor of these is somebody else's, and not written into.
_KINDS_OF_OTHERS = (torch.Tensor, torch.nn.Parameter)
_MATRIX, _MATRICES = 2, 3  # dimensions


def answer_of_the_cpu(func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """Return the result of ``func`` as the CPU returns it, where it is known without torch's kernel; else ``None``."""
    if func in _ARITHMETIC:
        return _arithmetic(args, kwargs, in_place=mutates(func))
    answer = _ANSWERS.get(func)
    return None if answer is None or kwargs else answer(*args)


def _arithmetic(args: tuple[Any, ...], kwargs: Mapping[str, Any], *, in_place: bool) -> Any:
    """Tensors that lie in order, one of them as large as the result, and numbers give one more such tensor."""
    given = [value for value in (*args, *kwargs.values()) if not isinstance(value, _NUMBERS)]
    if not given or not all(isinstance(one, torch.Tensor) for one in given):
        return None
    first = given[0] if in_place else max(given, key=torch.Tensor.numel)
    out, dtype = empty(first.shape, first), first.dtype
    if not dtype.is_floating_point or (in_place and type(first) in _KINDS_OF_OTHERS):
        return None
    for one in given:
        if one.dtype is not dtype or not is_in_order(one):
            return None
        if one.shape != out.shape and not _is_stretched(one.shape, out.shape):
            return None
    return first if in_place else out


def _is_stretched(shape: torch.Size, to: torch.Size) -> bool:
    """Tell whether a tensor of this shape is repeated along axes; of those of size 1 the first ones are of no doubt."""
    longer = [size for size, before in zip(to, accumulate(to, max), strict=True) if before > 1]
    pairs = zip(reversed(shape), reversed(to), strict=False)
    return 1 not in longer and len(shape) <= len(to) and all(size in (1, whole) for size, whole in pairs)


def _product(one: torch.Tensor, other: torch.Tensor) -> Any:
    fits = one.dim() == other.dim() == _MATRIX and one.shape[1] == other.shape[0] and one.dtype is other.dtype
    return empty((one.shape[0], other.shape[1]), one) if fits else None


def _products(one: torch.Tensor, other: torch.Tensor) -> Any:
    fits = one.dim() == other.dim() == _MATRICES and one.dtype is other.dtype
    if not fits or one.shape[0] != other.shape[0] or one.shape[2] != other.shape[1]:
        return None
    return empty((*one.shape[:2], other.shape[2]), one)


def _product_and_bias(bias: torch.Tensor, one: torch.Tensor, other: torch.Tensor, *_: Any) -> Any:
    out = _product(one, other)
    fits = out is not None and one.is_floating_point()
    return out if fits and bias.shape == out.shape[1:] and bias.dtype is one.dtype else None


def _grouped_product(
    one: torch.Tensor, other: torch.Tensor, offsets: Any = None, _bias: Any = None, dtype: torch.dtype | None = None
) -> torch.Tensor:
    """Groups of rows, of columns or of what is contracted; with three dimensions a group is a matrix.

    On meta torch's kernel takes bfloat16 alone, and no gradient that a sum has expanded.
    """
    grouped = one.dim() == other.dim()
    batch = (one.shape[0] if offsets is None else offsets.shape[0],) if grouped else ()
    return torch.empty(*batch, one.shape[-2], other.shape[-1], dtype=dtype or one.dtype, device=_META)


def _reduced(given: torch.Tensor, axes: Any, keep: bool = False) -> Any:  # noqa: FBT001, FBT002 - as torch's schema has it
    rank = given.dim()
    if not axes or not given.is_floating_point() or not all(-rank <= axis < rank for axis in axes):
        return None
    summed = {axis % rank for axis in axes}
    sizes = [1 if axis in summed else size for axis, size in enumerate(given.shape) if keep or axis not in summed]
    return empty(sizes, given) if len(summed) == len(axes) else None


def _joined(tensors: Sequence[torch.Tensor], axis: int = 0) -> Any:
    """What begins with a contiguous tensor is contiguous."""
    first = tensors[0]
    rank, shape = first.dim(), list(first.shape)
    if not -rank <= axis < rank or not is_in_order(first):
        return None
    axis %= rank
    shape[axis] = 0
    for one in tensors:
        sizes = one.shape
        if len(sizes) != rank or one.dtype is not first.dtype or sizes[:axis] != first.shape[:axis]:
            return None
        if sizes[axis + 1 :] != first.shape[axis + 1 :]:
            return None
        shape[axis] += sizes[axis]
    return empty(shape, first) if prod(shape) else None


def _rolled(given: torch.Tensor, shifts: Any, axes: Any = ()) -> Any:
    rank = given.dim()
    fits = axes and len(shifts) == len(axes) and all(-rank <= axis < rank for axis in axes)
    return empty(given.shape, given) if fits and min(given.shape) > 1 and is_in_order(given) else None


def _part_backward(grad: torch.Tensor, sizes: Sequence[int], *_: Any) -> torch.Tensor:
    """The gradient of a whole of which a part was taken."""
    return empty(sizes, grad)


def _softmax_backward(grad: torch.Tensor, given: torch.Tensor, _axis: int, dtype: torch.dtype) -> Any:
    alike = grad.dtype is given.dtype is dtype and grad.shape == given.shape
    return empty(grad.shape, grad) if alike and min(grad.shape, default=0) > 1 else None


_ANSWERS: dict[Any, Callable[..., Any]] = {
    **LAYERS,
    aten("mm"): _product,
    aten("bmm"): _products,
    aten("addmm"): _product_and_bias,
    aten("_grouped_mm"): _grouped_product,
    torch.ops.aten.sum.dim_IntList: _reduced,
    torch.ops.aten.mean.dim: _reduced,
    aten("cat"): _joined,
    aten("roll"): _rolled,
    aten("select_backward"): _part_backward,
    aten("slice_backward"): _part_backward,
    aten("_softmax_backward_data"): _softmax_backward,
}
_ARITHMETIC = {
    *(getattr(torch.ops.aten, name).Tensor for name in ("add", "add_", "sub", "mul", "mul_", "div", "div_")),
    *(getattr(torch.ops.aten, name).Scalar for name in ("add", "sub", "mul", "div", "lerp", "lerp_")),
    *map(aten, ("addcmul", "addcmul_", "addcdiv", "addcdiv_", "sqrt", "exp", "neg")),
    *map(aten, ("relu", "relu_", "tanh", "sigmoid", "gelu", "silu", "silu_")),
    *map(aten, ("hardtanh", "hardtanh_", "hardsigmoid", "hardsigmoid_", "hardswish", "hardswish_")),
    *map(aten, ("threshold_backward", "tanh_backward", "sigmoid_backward", "gelu_backward", "silu_backward")),
    *map(aten, ("hardtanh_backward", "hardsigmoid_backward", "hardswish_backward")),
}
