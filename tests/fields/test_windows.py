"""Window operators of random geometry, against NaN: every position, channel and axis, in one to three dimensions."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F  # noqa: N812 - torch's own abbreviation

from .oracle import assert_exact, prepared, randn

pytestmark = pytest.mark.filterwarnings("ignore:Using padding=.same.:UserWarning")

quick = settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.filter_too_much])
thorough = settings(quick, max_examples=40)

ranks = st.sampled_from([1, 1, 2, 2, 3])


def lengths(rank: int, low: int = 3, high: int = 9) -> st.SearchStrategy[tuple[int, ...]]:
    high = high if rank < 3 else min(high, 6)
    return st.tuples(*(st.integers(low, high) for _ in range(rank)))


def numbers(rank: int, low: int, high: int) -> st.SearchStrategy[tuple[int, ...]]:
    return st.tuples(*(st.integers(low, high) for _ in range(rank)))


@thorough
@given(st.data(), ranks)
def test_convolution(data: st.DataObject, rank: int) -> None:
    size = data.draw(lengths(rank))
    kernel, dilation = data.draw(numbers(rank, 1, 3)), data.draw(numbers(rank, 1, 2))
    padding = data.draw(numbers(rank, 0, 3))
    assume(all(n + 2 * p >= d * (k - 1) + 1 for n, k, d, p in zip(size, kernel, dilation, padding, strict=True)))
    groups = data.draw(st.sampled_from([1, 2, 4]))
    mode = data.draw(st.sampled_from(["zeros", "zeros", "reflect", "replicate", "circular"]))
    assume(mode == "zeros" or all(p < n for p, n in zip(padding, size, strict=True)))
    conv = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[rank - 1]
    layer = conv(4, 4, kernel, data.draw(numbers(rank, 1, 3)), padding, dilation, groups, padding_mode=mode)
    assert_exact(prepared(layer), randn(1, 4, *size))


@quick
@given(st.data(), ranks)
def test_convolution_padded_to_the_same_size(data: st.DataObject, rank: int) -> None:
    conv = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[rank - 1]
    kernel, dilation = data.draw(numbers(rank, 1, 4)), data.draw(numbers(rank, 1, 2))
    layer = conv(1, 2, kernel, padding="same", dilation=dilation)
    assert_exact(prepared(layer), randn(1, 1, *data.draw(lengths(rank))))


@thorough
@given(st.data(), ranks)
def test_transposed_convolution_with_gaps(data: st.DataObject, rank: int) -> None:
    conv = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)[rank - 1]
    kernel, stride = data.draw(numbers(rank, 1, 4)), data.draw(numbers(rank, 1, 3))
    dilation = data.draw(numbers(rank, 1, 2))
    extra = tuple(data.draw(st.integers(0, max(s, d) - 1)) for s, d in zip(stride, dilation, strict=True))
    padding = data.draw(numbers(rank, 0, 1))
    size = data.draw(lengths(rank, 2, 5))
    geometry = zip(size, kernel, stride, dilation, padding, extra, strict=True)
    assume(all((n - 1) * s - 2 * p + d * (k - 1) + e + 1 > 0 for n, k, s, d, p, e in geometry))
    groups = data.draw(st.sampled_from([1, 2]))
    layer = conv(2, 4, kernel, stride, padding, extra, groups, dilation=dilation)
    assert_exact(prepared(layer), randn(1, 2, *size))


@thorough
@given(st.data(), ranks, st.sampled_from(["max", "avg"]))
def test_pool(data: st.DataObject, rank: int, kind: str) -> None:
    kernel = data.draw(numbers(rank, 1, 4))
    padding = tuple(data.draw(st.integers(0, k // 2)) for k in kernel)
    dilation = data.draw(st.integers(1, 2)) if kind == "max" else 1
    size = data.draw(lengths(rank, 4))
    assume(all(n + 2 * p >= dilation * (k - 1) + 1 for n, k, p in zip(size, kernel, padding, strict=True)))
    settings_of_pool = {
        "stride": data.draw(numbers(rank, 1, 3)),
        "padding": padding,
        "ceil_mode": data.draw(st.booleans()),
    }
    if kind == "max":
        settings_of_pool["dilation"] = dilation
    pool = getattr(nn, f"{kind.title()}Pool{rank}d")(kernel, **settings_of_pool)
    assert_exact(pool, randn(1, 2, *size))


@quick
@given(st.data(), ranks, st.sampled_from(["max", "avg"]))
def test_adaptive_pool_that_need_not_divide(data: st.DataObject, rank: int, kind: str) -> None:
    size = data.draw(lengths(rank))
    target = data.draw(numbers(rank, 1, 7))
    pool = getattr(nn, f"Adaptive{kind.title()}Pool{rank}d")(target)
    assert_exact(pool, randn(1, 1, *size))


@thorough
@given(st.data(), ranks, st.sampled_from(["nearest", "nearest-exact", "linear", "area"]), st.booleans())
def test_interpolation(data: st.DataObject, rank: int, mode: str, corners: bool) -> None:  # noqa: FBT001
    size, target = data.draw(lengths(rank)), data.draw(numbers(rank, 1, 12 if rank < 3 else 7))
    name = ("linear", "bilinear", "trilinear")[rank - 1] if mode == "linear" else mode
    align = corners if mode == "linear" else None
    assert_exact(lambda x: F.interpolate(x, size=target, mode=name, align_corners=align), randn(1, 1, *size))


@quick
@given(st.data(), ranks, st.sampled_from(["nearest", "linear"]), st.sampled_from([0.5, 1.5, 2.0, 3.0, 0.3, 1.7]))
def test_interpolation_by_a_factor(data: st.DataObject, rank: int, mode: str, factor: float) -> None:
    size = data.draw(lengths(rank, 4))
    name = ("linear", "bilinear", "trilinear")[rank - 1] if mode == "linear" else mode
    assert_exact(lambda x: F.interpolate(x, scale_factor=factor, mode=name), randn(1, 1, *size))


@quick
@given(lengths(2), lengths(2, 1, 14), st.booleans())
def test_bicubic(size: tuple[int, ...], target: tuple[int, ...], corners: bool) -> None:  # noqa: FBT001
    assert_exact(lambda x: F.interpolate(x, size=target, mode="bicubic", align_corners=corners), randn(1, 1, *size))


@quick
# A width of 1 is left out: torch then gives every row the result of the first.
@given(lengths(2, 3, 12), lengths(2, 2, 14), st.booleans(), st.sampled_from(["bilinear", "bicubic"]))
def test_antialiased_resizing(size: tuple[int, ...], target: tuple[int, ...], corners: bool, mode: str) -> None:  # noqa: FBT001
    assert_exact(
        lambda x: F.interpolate(x, size=target, mode=mode, align_corners=corners, antialias=True),
        randn(1, 1, *size),
    )


@thorough
@given(st.data(), ranks, st.sampled_from(["constant", "reflect", "replicate", "circular"]))
def test_padding_left_and_right(data: st.DataObject, rank: int, mode: str) -> None:
    size = data.draw(lengths(rank, 4))
    low = -1 if mode == "constant" else 0
    amounts = [data.draw(st.integers(low, 3)) for _ in range(2 * rank)]
    assert_exact(lambda x: F.pad(x, amounts, mode=mode), randn(1, 1, *size))


@quick
@given(lengths(2, 4), numbers(2, 1, 3), numbers(2, 1, 2), numbers(2, 0, 1), numbers(2, 1, 2))
def test_unfold_and_fold(
    size: tuple[int, ...],
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    padding: tuple[int, ...],
    dilation: tuple[int, ...],
) -> None:
    geometry = zip(size, kernel, padding, dilation, strict=True)
    assume(all(n + 2 * p >= d * (k - 1) + 1 for n, k, p, d in geometry))
    options = {"kernel_size": kernel, "stride": stride, "padding": padding, "dilation": dilation}
    assert_exact(lambda x: F.unfold(x, **options), randn(1, 2, *size))
    assert_exact(lambda x: F.fold(F.unfold(x, **options), size, **options), randn(1, 2, *size))


@quick
@given(st.integers(5, 9), st.integers(1, 4), st.integers(1, 3))
def test_windows_as_a_dimension(length: int, size: int, step: int) -> None:
    assert_exact(lambda x: x.unfold(2, size, step).mean(-1), randn(1, 2, length))
    assert_exact(lambda x: x.unfold(2, size, step), randn(1, 2, length))


@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
@pytest.mark.parametrize("corners", [False, True])
def test_interpolation_where_a_source_is_all_but_a_whole_number(mode: str, corners: bool) -> None:  # noqa: FBT001
    for length, target in ((3, 9), (6, 14), (5, 15), (13, 23), (3, 21), (9, 29), (5, 23)):
        assert_exact(
            lambda x, size=(1, target): F.interpolate(x, size=size, mode=mode, align_corners=corners),
            randn(1, 1, 1, length),
        )
