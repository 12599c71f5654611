"""How the CPU lays out what operators answer element by element, where dimensions of size 1 leave it open.

Torch's meta kernels lay it out otherwise, and later operators copy, or not, by the strides of these dimensions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import torch

from convinspect.tensors.operators import is_pointwise, name_of, results, signature_of
from convinspect.torch_private import aten

_IMAGE = 4  # dimensions
_AS_ITS_INPUT = {
    aten(name) for name in ("empty_like", "zeros_like", "ones_like", "full_like", "rand_like", "randn_like")
} | {aten("nan_to_num")}
# A number of these is no operand: it is known before the operator runs.
_NO_OPERAND = {torch.ops.aten.lerp.Scalar}
_OTHERWISE = {aten("clone"), torch.ops.aten.masked_fill.Scalar, torch.ops.aten.pow.Scalar}


def laid_out(func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], out: Any) -> Any:
    """Return ``out``, the result of a meta kernel, with the strides that the CPU gives it."""
    asked = kwargs.get("memory_format") not in (None, torch.preserve_format)
    if asked or not (isinstance(out, torch.Tensor) and 1 in out.shape and _is_open(func)):
        return out
    given = [tensor for tensor in results(args) if tensor.dim()]
    if not given or any(tensor.shape != out.shape or tensor.stride() != given[0].stride() for tensor in given):
        return out
    if any(tensor is out for tensor in given) or not _is_dense(given[0]):
        return out
    strides = given[0].stride() if func in _AS_ITS_INPUT else _strides(func, args, given[0])
    return out if strides == out.stride() else torch.empty_strided(out.shape, strides, dtype=out.dtype, device="meta")


@cache
def _is_open(func: Any) -> bool:
    return func in _AS_ITS_INPUT or (is_pointwise(func) and func not in _OTHERWISE)


def _strides(func: Any, args: tuple[Any, ...], given: torch.Tensor) -> tuple[int, ...]:
    """Return contiguous strides where ``given`` is, else in its own order; a number makes the order alone decide.

    Source: torch's TensorIterator, its fast set-up and its order of dimensions.
    """
    if not _takes_number(func, args):
        if given.is_contiguous():
            return _in_order(given.shape, range(given.dim()))
        if given.dim() == _IMAGE and given.is_contiguous(memory_format=torch.channels_last):
            return _in_order(given.shape, (0, 2, 3, 1))
        return tuple(given.stride())
    strides = given.stride()
    axes = sorted(range(given.dim()), key=lambda axis: (-strides[axis], -given.shape[axis]))
    return _in_order(given.shape, axes)


def _takes_number(func: Any, args: tuple[Any, ...]) -> bool:
    """Tell whether a number stands where a tensor could, which is then a tensor of another shape."""
    if func in _NO_OPERAND:
        return False
    signature = signature_of(func)
    types = signature.types if signature else ()
    numbers = any(kind == "Tensor" and _is_number(value) for kind, value in zip(types, args, strict=False))
    return numbers or name_of(func).rpartition(".")[2].startswith("Scalar")


def _is_number(value: Any) -> bool:
    return not value.dim() if isinstance(value, torch.Tensor) else True


def _in_order(shape: Sequence[int], axes: Sequence[int]) -> tuple[int, ...]:
    """Return the strides of a tensor without gaps whose slowest axis is the first of ``axes``."""
    strides, step = [0] * len(shape), 1
    for axis in reversed(axes):
        strides[axis] = step
        step *= shape[axis]
    return tuple(strides)


def _is_dense(tensor: torch.Tensor) -> bool:
    expected = 1
    long = ((stride, size) for size, stride in zip(tensor.shape, tensor.stride(), strict=True) if size != 1)
    for stride, size in sorted(long):
        if stride != expected:
            return False
        expected *= size
    return True
