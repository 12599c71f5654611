"""Storages seen under two item sizes, and tensors without one: never an error, and never less than is true."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from .oracle import assert_exact, claimed, randn, true_hulls, watch

Function = Callable[[Tensor], Tensor]


def imaginary_part_zeroed(x: Tensor) -> Tensor:
    z = torch.fft.fft(x)
    z.imag.zero_()
    return z.abs()


def real_part_scaled(x: Tensor) -> Tensor:
    z = torch.complex(x, x.flip(2))
    torch.view_as_real(z).mul_(x.roll(1, 2)[..., None])
    return z.abs()


def read_by_stride(x: Tensor) -> Tensor:
    return torch.view_as_real(torch.complex(x, x.flip(2))).as_strided((2, 8), (16, 2), 1) * 1


def written_twice(x: Tensor) -> Tensor:
    z = torch.complex(x, x)
    z.real[:, :, :1].zero_()
    z[:, :, 1:2] = z[:, :, 2:3]
    z.imag.copy_(x.flip(3))
    return z.abs()


@pytest.mark.parametrize("function", [imaginary_part_zeroed, real_part_scaled, read_by_stride, written_twice])
def test_writes_under_another_item_size_are_followed_as_a_bound(function: Function) -> None:
    x = randn(1, 1, 4, 4)
    out, tracker = watch(function, x)
    field = tracker.describe(out)
    assert field is not None
    assert field.status in ("upper_bound", "global")
    for mine, real in zip(claimed(tracker, out), true_hulls(function, x, (2, 3)), strict=True):
        assert (mine.lo <= real.lo).all()
        assert (real.hi <= mine.hi).all()


def test_a_storage_written_whole_is_known_again() -> None:
    def function(x: Tensor) -> Tensor:
        z = torch.complex(x, x)
        z.real.zero_()
        z.copy_(torch.complex(x.flip(2), x.flip(2)))
        return z.abs()

    assert_exact(function, randn(1, 1, 4, 4))


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32, torch.complex128])
def test_a_view_under_another_type_reads_the_elements_that_its_bytes_are_of(dtype: torch.dtype) -> None:
    x = randn(1, 1, 4, 6)
    out, tracker = watch(lambda x: x.view(dtype) * 1, x)
    columns = claimed(tracker, out)[1]
    for position in range(out.shape[-1]):
        first, end = position * dtype.itemsize, (position + 1) * dtype.itemsize
        assert (columns.lo[..., position] == first // x.itemsize).all()
        assert (columns.hi[..., position] == (end - 1) // x.itemsize).all()


def test_a_followed_tensor_may_be_sparse() -> None:
    out, tracker = watch(lambda x: x.to_dense().flip(2) + 1, randn(1, 1, 8, 8).to_sparse(), (2, 3))
    field = tracker.describe(out)
    assert field is not None
    assert (field.status, field.center) == ("exact", ((3, 3), (4, 4)))


@pytest.mark.parametrize(
    ("function", "center"),
    [
        (lambda x: torch.isin(x, x.flatten()[:3].contiguous()), ((0, 4), (0, 4))),
        (lambda x: torch.isin(x, torch.ones(3, dtype=x.dtype)), ((4, 4), (4, 4))),
        (lambda x: torch.isin(x, 1.0), ((4, 4), (4, 4))),
        (lambda x: torch.isin(torch.ones(1, 1, 3, 3, dtype=x.dtype), x[:, :, 1:3]), ((1, 2), (0, 7))),
    ],
    ids=["own", "constant", "number", "constant in own"],
)
def test_isin_reads_every_test_element(function: Function, center: tuple[tuple[int, int], ...]) -> None:
    out, tracker = watch(function, randn(1, 1, 8, 8))
    field = tracker.describe(out)
    assert field is not None
    assert field.center == center
