"""Convolutions: the arithmetic by hand, and torch's own counter on random geometry."""

# ruff: noqa: SLF001, FBT003, N812 - torch's kernels have private names and positional switches; F is its custom

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from convinspect.ops import price

from .recording import call_of, fact, flop_counter_macs, op_call, record, total

CONVS: dict[int, Any] = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
TRANSPOSED: dict[int, Any] = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}


def meta(*shape: int) -> torch.Tensor:
    return torch.empty(shape, device="meta")


def test_a_convolution_multiplies_once_per_output_channel_and_tap() -> None:
    x, weight = meta(1, 1, 28, 28), meta(10, 1, 5, 5)
    assert total(lambda: F.conv2d(x, weight, meta(10))) == (10 * 24 * 24) * (1 * 5 * 5)


def test_the_published_3d_convolution() -> None:
    layer = nn.Conv3d(3, 5, (4, 7, 7), device="meta")
    x = meta(1, 3, 7, 60, 40)
    assert total(lambda: layer(x)) == (5 * 4 * 54 * 34) * (3 * 4 * 7 * 7) == 21_591_360


def test_groups_divide_the_input_channels() -> None:
    x = meta(2, 6, 8, 8)
    for groups in (1, 2, 3, 6):
        weight = meta(6, 6 // groups, 3, 3)
        macs = total(lambda w=weight, g=groups: F.conv2d(x, w, padding=1, groups=g))
        assert macs == (2 * 6 * 8 * 8) * (6 // groups) * 9


def test_taps_on_padding_count() -> None:
    x, weight = meta(1, 1, 1, 1), meta(1, 1, 3, 3)
    assert total(lambda: F.conv2d(x, weight, padding=1)) == 9


def test_dilation_adds_no_products() -> None:
    x, weight = meta(1, 1, 9, 9), meta(1, 1, 3, 3)
    assert total(lambda: F.conv2d(x, weight, dilation=4)) == 9


def test_a_transposed_convolution_multiplies_every_input_by_every_tap() -> None:
    x, weight = meta(1, 4, 5, 5), meta(4, 6, 3, 3)
    # Padding crops the output from 11 to 7 a side; the products were made all the same.
    assert total(lambda: F.conv_transpose2d(x, weight, stride=2, padding=2)) == (4 * 5 * 5) * (6 * 3 * 3)


@st.composite
def convolutions(draw: st.DrawFn) -> Callable[[], torch.Tensor]:
    """A convolution of any rank and direction, on an input that is large enough for it."""
    axes, groups, kernel = draw(st.integers(1, 3)), draw(st.integers(1, 3)), draw(st.integers(1, 3))
    c_in, c_out = draw(st.integers(1, 3)) * groups, draw(st.integers(1, 3)) * groups
    transposed = draw(st.booleans())
    options = {
        "stride": draw(st.integers(1, 3)),
        "padding": draw(st.integers(0, 2)),
        "dilation": draw(st.integers(1, 2)),
        "groups": groups,
    }
    # 5 holds the widest dilated kernel, and is more than the padding crops away.
    x = meta(draw(st.integers(0, 3)), c_in, *[draw(st.integers(5, 9)) for _ in range(axes)])
    shape = (c_in, c_out // groups) if transposed else (c_out, c_in // groups)
    weight = meta(*shape, *[kernel] * axes)
    function = (TRANSPOSED if transposed else CONVS)[axes]
    return lambda: function(x, weight, **options)


@given(run=convolutions())
@settings(deadline=None)  # torch's first call of an operator is slow
def test_random_convolutions_agree_with_the_flop_counter(run: Callable[[], torch.Tensor]) -> None:
    assert total(run) == flop_counter_macs(run)


@pytest.mark.parametrize("padding", ["same", "valid"])
def test_padding_by_name_arrives_as_numbers(padding: str) -> None:
    x, weight = meta(1, 2, 9, 9), meta(3, 2, 3, 3)
    size = 9 if padding == "same" else 7
    assert total(lambda: F.conv2d(x, weight, padding=padding)) == 3 * size * size * 2 * 9


def test_an_input_without_a_batch_costs_what_a_batch_of_one_does() -> None:
    x, weight = meta(2, 9), meta(2, 3, 3)
    assert total(lambda: F.conv_transpose1d(x, weight)) == 2 * 9 * 3 * 3


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_whole_operators_cost_what_they_decompose_into(axes: int) -> None:
    aten = torch.ops.aten
    whole = {1: aten.conv1d.default, 2: aten.conv2d.default, 3: aten.conv3d.default}[axes]
    back = {1: aten.conv_transpose1d.default, 2: aten.conv_transpose2d.input, 3: aten.conv_transpose3d.input}[axes]
    x, weight = meta(2, 4, *[6] * axes), meta(4, 4, *[3] * axes)
    assert price(call_of(whole, x, weight)) == total(lambda: CONVS[axes](x, weight))
    assert price(call_of(back, x, weight)) == total(lambda: TRANSPOSED[axes](x, weight))


def test_backend_kernels_cost_what_the_convolution_does() -> None:
    aten = torch.ops.aten
    x, weight = torch.ones(1, 2, 8, 8), torch.ones(5, 2, 3, 3)
    expected = 5 * 6 * 6 * 2 * 9
    kernel, ones, none = [3, 3], [1, 1], [0, 0]
    calls = [
        call_of(aten._convolution.default, x, weight, None, ones, none, ones, False, none, 1, False, False, True, True),
        call_of(aten._slow_conv2d_forward.default, x, weight, kernel, None, ones, none),
        call_of(aten.thnn_conv2d.default, x, weight, kernel),
        call_of(aten.slow_conv_dilated2d.default, x, weight, kernel),
        call_of(aten._convolution_mode.default, x, weight, None, ones, "valid", ones, 1),
        op_call("aten.cudnn_convolution.default", fact(1, 5, 6, 6), self=fact(1, 2, 8, 8), weight=fact(5, 2, 3, 3)),
        op_call("aten.miopen_convolution.default", fact(1, 5, 6, 6), self=fact(1, 2, 8, 8), weight=fact(5, 2, 3, 3)),
        op_call("mkldnn._convolution_pointwise.default", fact(1, 5, 6, 6), X=fact(1, 2, 8, 8), W=fact(5, 2, 3, 3)),
    ]
    assert [price(call) for call in calls] == [expected] * len(calls)


def test_a_transposed_backend_kernel_counts_from_the_input() -> None:
    x, weight = torch.ones(1, 2, 8, 8), torch.ones(2, 5, 3, 3)
    call = call_of(torch.ops.aten.slow_conv_transpose2d.default, x, weight, [3, 3])
    assert price(call) == (2 * 8 * 8) * 5 * 9


def test_a_time_first_convolution() -> None:
    x, weight, bias = torch.ones(10, 2, 3), torch.ones(5, 3, 4), torch.ones(4)
    call = call_of(torch.ops.aten.conv_tbc.default, x, weight, bias, 0)
    assert price(call) == (6 * 2 * 4) * 5 * 3


def test_a_deformable_convolution_costs_what_a_plain_one_does() -> None:
    call = op_call(
        "torchvision.deform_conv2d.default",
        fact(2, 8, 30, 30),
        input=fact(2, 4, 32, 32),
        weight=fact(8, 2, 3, 3),
        offset=fact(2, 18, 30, 30),
        mask=fact(2, 9, 30, 30),
    )
    assert price(call) == (2 * 8 * 30 * 30) * 2 * 9


def test_lenet_to_the_last_product() -> None:
    def run() -> None:
        x = meta(1, 1, 28, 28)
        x = F.relu(F.max_pool2d(F.conv2d(x, meta(10, 1, 5, 5), meta(10)), 2))
        x = F.relu(F.max_pool2d(F.conv2d(x, meta(20, 10, 5, 5), meta(20)), 2)).view(-1, 320)
        F.log_softmax(F.linear(F.relu(F.linear(x, meta(50, 320), meta(50))), meta(10, 50), meta(10)), dim=1)

    assert [macs for call in record(run) if (macs := price(call))] == [144_000, 320_000, 16_000, 500]


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("mask", [(True, True, False), (True, False, True), (False, True, False)])
def test_derivatives_cost_what_torch_counts(transposed: bool, mask: tuple[bool, bool, bool]) -> None:  # noqa: FBT001
    x, weight = torch.rand(2, 4, 9, 9), torch.rand(4, 4, 3, 3)
    geometry = ([2, 2], [1, 1], [1, 1], transposed, [0, 0], 1)
    grad = torch.ones_like(torch.convolution(x, weight, None, *geometry))
    backward = torch.ops.aten.convolution_backward.default
    counted = flop_counter_macs(lambda: backward(grad, x, weight, [4], *geometry, mask))
    assert price(call_of(backward, grad, x, weight, [4], *geometry, mask)) == counted
