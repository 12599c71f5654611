"""Whole reports beside arithmetic that stands here: parameters, multiply-accumulates and output sizes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - its usual name

import convinspect

DEVICES = [None, "meta"]


class Apply(nn.Module):
    """A model that is one function."""

    def __init__(self, function: Callable[..., Any], *parameters: Tensor) -> None:
        super().__init__()
        self.function = function
        self.weights = nn.ParameterList(parameters)

    def forward(self, *inputs: Tensor) -> Any:
        return self.function(*inputs, *self.weights)


@pytest.mark.parametrize("device", DEVICES)
def test_a_bidirectional_lstm_of_two_layers(device: str | None) -> None:
    # Four gates, each with a matrix for the input, one for the state, and two biases; twice, for both directions.
    # The second layer's input is both states of the first, side by side.
    totals = _totals(nn.LSTM(10, 6, num_layers=2, bidirectional=True), torch.ones(7, 3, 10), device=device)
    first, second = 4 * 6 * (10 + 6), 4 * 6 * (12 + 6)
    assert totals.params == 2 * (first + second + 2 * (4 * 6 + 4 * 6)) == 1824
    assert totals.macs == 7 * 3 * 2 * (first + second)


@pytest.mark.parametrize("device", DEVICES)
def test_an_lstm_with_projections_is_cheaper_and_has_one_more_matrix(device: str | None) -> None:
    totals = _totals(
        nn.LSTM(10, 6, num_layers=2, bidirectional=True, proj_size=2),
        torch.ones(7, 3, 10),
        device=device,
    )
    first, second = 4 * 6 * (10 + 2) + 2 * 6, 4 * 6 * (4 + 2) + 2 * 6
    assert totals.params == 2 * (first + second + 2 * (4 * 6 + 4 * 6))
    assert totals.macs == 7 * 3 * 2 * (first + second)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(("kind", "gates"), [(nn.GRU, 3), (nn.RNN, 1)])
def test_recurrent_layers_with_fewer_gates(kind: type[nn.RNNBase], gates: int, device: str | None) -> None:
    totals = _totals(kind(10, 6, batch_first=True, bidirectional=True), torch.ones(3, 7, 10), device=device)
    assert totals.params == 2 * gates * (6 * (10 + 6) + 2 * 6)
    assert totals.macs == 3 * 7 * 2 * gates * 6 * (10 + 6)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("cell", [nn.LSTMCell, nn.GRUCell, nn.RNNCell])
def test_one_step_of_a_cell(cell: type[nn.RNNCellBase], device: str | None) -> None:
    gates = {nn.LSTMCell: 4, nn.GRUCell: 3, nn.RNNCell: 1}[cell]
    totals = _totals(cell(10, 6), torch.ones(3, 10), device=device)
    assert totals.macs == 3 * gates * 6 * (10 + 6)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("fast", [False, True])
def test_multi_head_attention_in_evaluation(device: str | None, *, fast: bool) -> None:
    n, words, width = 2, 5, 8
    torch.backends.mha.set_fastpath_enabled(fast)
    model = nn.MultiheadAttention(width, num_heads=2, batch_first=True)
    x = torch.ones(n, words, width)
    report = convinspect.inspect(model, (x, x, x), device=device, optimizer=None)
    projections = 4 * words * width * width  # query, key, value, and the one behind
    products = 2 * words * words * width  # all heads together: which words, and what of them
    assert report.totals.params == 4 * width * width + 4 * width
    assert (report.totals.macs, report.totals.macs_status) == (n * (projections + products), "exact")
    assert torch.backends.mha.get_fastpath_enabled() is fast
    torch.backends.mha.set_fastpath_enabled(True)


@pytest.mark.parametrize("device", DEVICES)
def test_attention_to_other_words_of_other_widths(device: str | None) -> None:
    model = nn.MultiheadAttention(8, num_heads=2, kdim=6, vdim=4, batch_first=True)
    inputs = torch.ones(1, 5, 8), torch.ones(1, 7, 6), torch.ones(1, 7, 4)
    totals = convinspect.inspect(model, inputs, device=device, optimizer=None).totals
    assert totals.macs == 5 * 8 * 8 + 7 * 6 * 8 + 7 * 4 * 8 + 2 * (5 * 7 * 8) + 5 * 8 * 8


@pytest.mark.parametrize("device", DEVICES)
def test_a_transformer_encoder_layer_in_evaluation_hides_nothing_in_its_fast_path(device: str | None) -> None:
    n, words, width, wide = 2, 5, 8, 20
    model = nn.TransformerEncoderLayer(width, 2, wide, batch_first=True)
    report = convinspect.inspect(model, (torch.ones(n, words, width),), device=device, optimizer=None)
    attention = words * (4 * width * width) + 2 * words * words * width
    network = words * (width * wide + wide * width)
    assert (report.totals.macs, report.totals.macs_status) == (n * (attention + network), "exact")
    rows = {layer.path: layer.macs_total for layer in report.layers if layer.kind == "module"}
    assert rows["self_attn"] == n * attention
    assert rows["linear1"] == rows["linear2"] == n * words * width * wide
    assert torch.backends.mha.get_fastpath_enabled()


@pytest.mark.parametrize("device", DEVICES)
def test_a_transposed_convolution_multiplies_each_input_by_its_whole_kernel(device: str | None) -> None:
    model = nn.ConvTranspose2d(6, 4, (3, 5), stride=2, padding=1, output_padding=1, groups=2)
    report = convinspect.inspect(model, (torch.ones(1, 6, 7, 9),), device=device, optimizer=None)
    assert report.outputs[0].shape == (1, 4, (7 - 1) * 2 - 2 + 3 + 1, (9 - 1) * 2 - 2 + 5 + 1)
    assert report.totals.params == 6 * (4 // 2) * 3 * 5 + 4
    assert report.totals.macs == (6 * 7 * 9) * (4 // 2) * 3 * 5


@pytest.mark.parametrize("device", DEVICES)
def test_a_convolution_with_raw_parameters_is_counted_like_a_layer(device: str | None) -> None:
    model = Apply(lambda x, weight, bias: F.conv2d(x, weight, bias, padding=1), torch.ones(5, 3, 3, 3), torch.ones(5))
    report = convinspect.inspect(model, (torch.ones(1, 3, 8, 6),), device=device, optimizer=None)
    assert report.totals.params == 5 * 3 * 9 + 5
    assert report.totals.macs == (5 * 8 * 6) * (3 * 9)
    assert [(row.kind, row.type, row.macs) for row in report.layers if row.macs] == [("function", "conv2d", 6480)]


@pytest.mark.parametrize("device", DEVICES)
def test_a_bilinear_layer_multiplies_by_one_input_and_then_by_the_other(device: str | None) -> None:
    report = convinspect.inspect(
        nn.Bilinear(3, 4, 5), (torch.ones(2, 3), torch.ones(2, 4)), device=device, optimizer=None
    )
    assert report.totals.params == 5 * 3 * 4 + 5
    assert report.totals.macs == 2 * (5 * 3 * 4 + 5 * 4)


@pytest.mark.parametrize("device", DEVICES)
def test_einsum_is_the_product_that_it_is(device: str | None) -> None:
    inputs = torch.ones(2, 3, 5, 8), torch.ones(2, 3, 7, 8)
    model = Apply(lambda q, k: torch.einsum("bhqd,bhkd->bhqk", q, k))
    assert convinspect.inspect(model, inputs, device=device, optimizer=None).totals.macs == 2 * 3 * 5 * 7 * 8


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("causal", [False, True])
def test_scaled_dot_product_attention_is_two_products(device: str | None, *, causal: bool) -> None:
    query, key, value = torch.ones(2, 3, 5, 8), torch.ones(2, 3, 5, 8), torch.ones(2, 3, 5, 8)
    model = Apply(lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=causal))
    totals = convinspect.inspect(model, (query, key, value), device=device, optimizer=None).totals
    # A mask hides half of the products; the operator is defined by all of them.
    assert (totals.macs, totals.macs_status) == (2 * 3 * (5 * 5 * 8 + 5 * 5 * 8), "exact")


@given(
    dims=st.integers(1, 3),
    size=st.integers(1, 12),
    kernel=st.integers(1, 5),
    stride=st.integers(1, 4),
    padding=st.integers(0, 3),
    dilation=st.integers(1, 3),
    layer=st.sampled_from(["conv", "max_pool", "avg_pool"]),
)
@settings(max_examples=60, deadline=None)
def test_outputs_of_windows_have_the_size_of_the_formula(
    dims: int, size: int, kernel: int, stride: int, padding: int, dilation: int, layer: str
) -> None:
    dilation = 1 if layer == "avg_pool" else dilation
    padding = padding if layer == "conv" else min(padding, kernel // 2)
    sizes = [size + axis for axis in range(dims)]
    expected = [(i + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1 for i in sizes]
    assume(min(expected) > 0)
    # torch's 3-D average pooling compares the kernel with the input alone, without its padding.
    assume(layer != "avg_pool" or kernel <= size)
    name = {"conv": "Conv", "max_pool": "MaxPool", "avg_pool": "AvgPool"}[layer]
    channels = {"conv": (2, 3)}.get(layer, ())
    more = {} if layer == "avg_pool" else {"dilation": dilation}
    made = getattr(nn, f"{name}{dims}d")(*channels, kernel, stride=stride, padding=padding, **more)
    report = convinspect.inspect(made, (torch.ones(1, 2, *sizes),), device="meta", optimizer=None)
    outputs = 3 if layer == "conv" else 2
    assert report.outputs[0].shape == report.layers[0].outputs[0].shape == (1, outputs, *expected)
    macs = torch.Size(expected).numel() * outputs * 2 * kernel**dims if layer == "conv" else 0
    assert (report.totals.macs, report.totals.macs_status) == (macs, "exact")


def _totals(model: nn.Module, *inputs: Tensor, device: str | None) -> Any:
    totals = convinspect.inspect(model, inputs, device=device, optimizer=None).totals
    assert totals.macs_status == "exact"
    return totals
