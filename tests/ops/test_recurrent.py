"""Recurrent layers: the closed formula, the operators that they decompose into, and the fused ones."""

# ruff: noqa: SLF001 - the weights in the order that torch's operators take them

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from convinspect.ops import price

from .recording import call_of, fact, op_call, record, total

aten = torch.ops.aten
GATES = {nn.LSTM: 4, nn.GRU: 3, nn.RNN: 1}


def by_hand(
    kind: type[nn.RNNBase], rows: int, inputs: int, hidden: int, layers: int, directions: int, projection: int
) -> int:
    """Gates times (input + state) times hidden, for every row; a projection adds its own matrix."""
    state = projection or hidden
    macs = 0
    for layer in range(layers):
        below = inputs if layer == 0 else state * directions
        gates = GATES[kind] * hidden * (below + state)
        macs += directions * rows * (gates + hidden * projection)
    return macs


@given(
    kind=st.sampled_from([nn.LSTM, nn.GRU, nn.RNN]),
    device=st.sampled_from(["cpu", "meta"]),
    layers=st.integers(1, 3),
    directions=st.integers(1, 2),
    projection=st.integers(0, 2),
    batch_first=st.booleans(),
    bias=st.booleans(),
)
@settings(max_examples=40, deadline=None)
def test_decomposed_fused_and_by_hand_are_the_same(
    kind: type[nn.RNNBase],
    device: str,
    layers: int,
    directions: int,
    projection: int,
    batch_first: bool,  # noqa: FBT001 - a drawn value
    bias: bool,  # noqa: FBT001
) -> None:
    steps, batch, inputs, hidden = 5, 2, 3, 4
    projection = projection if kind is nn.LSTM else 0
    options: dict[str, Any] = {"proj_size": projection} if projection else {}
    layer = kind(
        *(inputs, hidden, layers), bidirectional=directions == 2, batch_first=batch_first, bias=bias,
        device=device, **options,
    )  # fmt: skip
    x = torch.ones(2, 5, 3, device=device) if batch_first else torch.ones(5, 2, 3, device=device)
    expected = by_hand(kind, steps * batch, inputs, hidden, layers, directions, projection)
    assert total(lambda: layer(x)) == expected
    assert price(whole(layer, x)) == expected


def whole(layer: nn.RNNBase, x: torch.Tensor) -> Any:
    operator = {nn.LSTM: aten.lstm.input, nn.GRU: aten.gru.input, nn.RNN: aten.rnn_tanh.input}[type(layer)]
    directions = 2 if layer.bidirectional else 1
    batch = x.shape[0 if layer.batch_first else 1]
    state = torch.zeros(layer.num_layers * directions, batch, layer.proj_size or layer.hidden_size, device=x.device)
    cell = torch.zeros(layer.num_layers * directions, batch, layer.hidden_size, device=x.device)
    states = [state, cell] if isinstance(layer, nn.LSTM) else state
    options = (layer.bias, layer.num_layers, 0.0, False, layer.bidirectional, layer.batch_first)
    return call_of(operator, x, states, layer._flat_weights, *options)


def test_an_lstm_on_the_cpu_arrives_fused_by_layer_and_direction() -> None:
    layer = nn.LSTM(3, 4, num_layers=2, bidirectional=True)
    fused = [price(call) for call in record(lambda: layer(torch.ones(5, 2, 3))) if "mkldnn_rnn" in call.op]
    if not fused:
        pytest.skip("this build of torch has no oneDNN")
    first, second = 10 * 4 * 4 * (3 + 4), 10 * 4 * 4 * (8 + 4)
    assert fused == [first, first, second, second]


def test_packed_sequences_cost_their_true_lengths() -> None:
    layer = nn.GRU(3, 4)
    packed = nn.utils.rnn.pack_padded_sequence(torch.ones(5, 2, 3), torch.tensor([5, 2]))
    assert total(lambda: layer(packed)) == by_hand(nn.GRU, 5 + 2, 3, 4, 1, 1, 0)
    options = (True, 1, 0.0, False, False)
    call = call_of(aten.gru.data, *packed[:2], torch.zeros(1, 2, 4), layer._flat_weights, *options)
    assert price(call) == by_hand(nn.GRU, 5 + 2, 3, 4, 1, 1, 0)


def test_the_fused_kernel_of_a_gpu_counts_all_its_weight_matrices() -> None:
    weights = (fact(16, 3), fact(16, 4), fact(16), fact(16))
    for name in ("aten._cudnn_rnn.default", "aten.miopen_rnn.default"):
        call = op_call(name, fact(5, 2, 4), input=fact(5, 2, 3), weight=weights)
        assert price(call) == by_hand(nn.LSTM, 10, 3, 4, 1, 1, 0)


@pytest.mark.parametrize(
    ("cell", "operator", "gates"),
    [
        (nn.LSTMCell, aten.lstm_cell.default, 4),
        (nn.GRUCell, aten.gru_cell.default, 3),
        (nn.RNNCell, aten.rnn_tanh_cell.default, 1),
    ],
)
def test_one_step_of_a_cell(cell: type[nn.RNNCellBase], operator: Any, gates: int) -> None:
    layer = cell(3, 4)
    x, state = torch.ones(2, 3), torch.zeros(2, 4)
    expected = 2 * gates * 4 * (3 + 4)
    assert total(lambda: layer(x)) == expected
    states = [state, state] if cell is nn.LSTMCell else state
    assert price(call_of(operator, x, states, layer.weight_ih, layer.weight_hh)) == expected


def test_gates_fused_without_their_products_are_pointwise() -> None:
    call = op_call("aten._thnn_fused_lstm_cell.default", fact(2, 4), input_gates=fact(2, 16), hidden_gates=fact(2, 16))
    assert price(call) == 0
