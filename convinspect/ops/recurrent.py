"""What recurrent layers cost: at every time step, every element of every weight matrix is used once."""

from __future__ import annotations

from math import prod

from convinspect.ops.arguments import Shape, shape, shapes
from convinspect.ops.registry import mac_rule
from convinspect.records import OpCall


@mac_rule(
    "aten.lstm",
    "aten.gru",
    "aten.rnn_tanh",
    "aten.rnn_relu",
    "aten._lstm_mps",
)
def layers_macs(call: OpCall) -> int:
    """Price a whole recurrent network: ``steps * batch * elements of all weight matrices`` MACs.

    The matrices of all layers, directions and projections are in ``params``; biases are vectors, and gates
    are pointwise: neither is counted. Packed sequences come as ``data`` ``(sum of lengths, features)``.
    """
    return _steps(shape(call, "input", "data")) * _matrices(shapes(call, "params"))


@mac_rule("aten._cudnn_rnn", "aten.miopen_rnn")
def cuda_layers_macs(call: OpCall) -> int:
    """Price the fused kernel of a whole recurrent network on a GPU, as `layers_macs`."""
    return _steps(shape(call, "input")) * _matrices(shapes(call, "weight"))


@mac_rule("aten.mkldnn_rnn_layer")
def cpu_layer_macs(call: OpCall) -> int:
    """Price one direction of one layer: ``weight0`` meets the input, ``weight1`` the hidden state."""
    return _steps(shape(call, "input")) * (prod(shape(call, "weight0")) + prod(shape(call, "weight1")))


@mac_rule("aten.lstm_cell", "aten.gru_cell", "aten.rnn_tanh_cell", "aten.rnn_relu_cell")
def cell_macs(call: OpCall) -> int:
    """Price one time step: ``batch * elements of the two weight matrices`` MACs."""
    return _steps(shape(call, "input")) * (prod(shape(call, "w_ih")) + prod(shape(call, "w_hh")))


def _steps(sequence: Shape) -> int:
    return prod(sequence[:-1])


def _matrices(weights: tuple[Shape, ...]) -> int:
    return sum(prod(weight) for weight in weights if len(weight) == 2)  # noqa: PLR2004  # a matrix
