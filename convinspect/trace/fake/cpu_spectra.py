"""How Fourier transforms lie in memory on the CPU, where meta kernels lay them out otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch


def spectrum(args: tuple[Any, ...], out: Any) -> Any:
    """MKL transforms the last dimension last, the others in the order of their strides."""
    given, dims = args[0], args[1]
    strides = given.stride()
    inner = sorted(dims[:-1], key=lambda dim: -strides[dim])
    return _transformed(out, strides, (*inner, dims[-1]))


def complex_spectrum(args: tuple[Any, ...], out: Any) -> Any:
    """MKL transforms complex dimensions in the order of their strides."""
    strides = args[0].stride()
    return _transformed(out, strides, sorted(args[1], key=lambda dim: -strides[dim]))


def signal(args: tuple[Any, ...], out: Any) -> Any:
    """MKL transforms all dimensions but the last one first, and then that."""
    given, dims = args[0], args[1]
    strides = given.stride()
    if len(dims) > 1:
        strides = complex_spectrum((given, dims[:-1]), torch.empty(given.shape, device="meta")).stride()
    return _transformed(out, strides, dims[-1:])


def _transformed(out: torch.Tensor, strides: Sequence[int], dims: Sequence[int]) -> torch.Tensor:
    """Return ``out`` with its batch first, in the order of ``strides``, then ``dims``; other libraries as meta does.

    Source: ``_exec_fft`` in ``aten/src/ATen/native/mkl/SpectralOps.cpp``.
    """
    if not torch.backends.mkl.is_available():
        return out
    batch = sorted((dim for dim in range(out.dim()) if dim not in dims), key=lambda dim: -strides[dim])
    return torch.empty_permuted(out.shape, (*batch, *dims), dtype=out.dtype, device="meta")
