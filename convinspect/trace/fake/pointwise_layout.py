"""How the CPU lays out what operators answer element by element, where dimensions of size 1 leave it open.

Torch's meta kernels lay it out otherwise, and later operators copy, or not, by the strides of these dimensions.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from typing import Any, NamedTuple

import torch

from convinspect.tensors.operators import is_pointwise, name_of, results, signature_of
from convinspect.torch_private import aten

_IMAGE = 4  # dimensions
_AS_ITS_INPUT = {
    aten(name) for name in ("empty_like", "zeros_like", "ones_like", "full_like", "rand_like", "randn_like")
} | {aten("nan_to_num")}
# A number of these is no operand: it is known before the operator runs.
_NO_OPERAND = {torch.ops.aten.lerp.Scalar}
# What gradients are added with, of which some are parts of others.
_SUMS = {torch.ops.aten.add.Tensor, torch.ops.aten.add_.Tensor}
_OTHERWISE = {aten("clone"), torch.ops.aten.masked_fill.Scalar, torch.ops.aten.pow.Scalar}


class Way(NamedTuple):
    """How tensors of one shape lie; ``order``: their axes from the slowest on, ``None`` where that is their own."""

    shape: tuple[int, ...]
    stride: tuple[int, ...]
    order: tuple[int, ...] | None


def one_way(func: Any, kwargs: Mapping[str, Any], given: Sequence[torch.Tensor]) -> Way | None:
    """Return how the result of ``func`` lies where its sizes do not matter: as all does that it is given, but numbers.

    ``None`` of an operator that does not answer element by element, and of tensors that are unlike or have gaps.
    """
    if not _is_open(func) or kwargs.get("memory_format") not in (None, torch.preserve_format):
        return None
    shape: tuple[int, ...] = ()
    strides: list[tuple[int, ...]] = []
    for tensor in given:
        if tensor.dim():
            shape = shape or tuple(tensor.shape)
            if tensor.shape != shape:
                return None
            strides.append(tensor.stride())
    if not strides or 0 in shape:
        return None
    straight, stride = in_order(shape), strides[0]
    if all(one == straight or (func in _SUMS and _descends(one)) for one in strides):
        return Way(shape, straight, None)
    if 1 in shape or strides.count(stride) < len(strides) or not _is_dense(shape, stride):
        return None
    return Way(shape, stride, tuple(sorted(range(len(shape)), key=lambda axis: -stride[axis])))


@lru_cache(maxsize=1024)
def in_order(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the strides of a tensor without gaps whose axes lie in their own order."""
    return _in_order(shape, range(len(shape)))


def _descends(strides: Sequence[int]) -> bool:
    """Tell whether the axes are in order beyond doubt, whatever gaps there are."""
    return strides[-1] > 0 and all(map(operator.gt, strides, strides[1:]))


def laid_out(func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], out: Any) -> Any:
    """Return ``out``, the result of a meta kernel, with the strides that the CPU gives it."""
    asked = kwargs.get("memory_format") not in (None, torch.preserve_format)
    if asked or not (isinstance(out, torch.Tensor) and 1 in out.shape and _is_open(func)):
        return out
    given = [tensor for tensor in results(args) if tensor.dim()]
    if not given or any(tensor.shape != out.shape or tensor.stride() != given[0].stride() for tensor in given):
        return out
    if any(tensor is out for tensor in given) or not _is_dense(given[0].shape, given[0].stride()):
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
            return in_order(given.shape)
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


def _is_dense(shape: Sequence[int], strides: Sequence[int]) -> bool:
    expected = 1
    long = ((stride, size) for size, stride in zip(shape, strides, strict=True) if size != 1)
    for stride, size in sorted(long):
        if stride != expected:
            return False
        expected *= size
    return True
