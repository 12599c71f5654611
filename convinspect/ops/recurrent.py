"""What recurrent layers cost: at every time step, every element of every weight matrix is used once."""

from __future__ import annotations

from math import prod

from convinspect.ops.arguments import Shape, shape, shapes
from convinspect.ops.operators import Operator, priced
from convinspect.records import OpCall

_MODES = {0: "rnn_relu", 1: "rnn_tanh", 2: "lstm", 3: "gru"}


def _by_mode(call: OpCall) -> str:
    mode = call.args.get("mode")
    return _MODES.get(mode, "rnn") if isinstance(mode, int) else "rnn"


@priced("lstm gru rnn_tanh rnn_relu _lstm_mps")
def layers_macs(call: OpCall) -> int:
    """Price a whole recurrent network: ``steps * batch * elements of all weight matrices`` MACs.

    The matrices of all layers, directions and projections are in ``params``; biases are vectors, and gates
    are pointwise: neither is counted. Packed sequences come as ``data`` ``(sum of lengths, features)``.
    """
    return _steps(shape(call, "input", "data")) * _matrices(shapes(call, "params"))


@priced("_cudnn_rnn miopen_rnn", Operator(named=_by_mode))
def cuda_layers_macs(call: OpCall) -> int:
    """Price the fused kernel of a whole recurrent network on a GPU, as `layers_macs`."""
    return _steps(shape(call, "input")) * _matrices(shapes(call, "weight"))


@priced("mkldnn_rnn_layer", Operator(named=_by_mode))
def cpu_layer_macs(call: OpCall) -> int:
    """Price one direction of one layer: ``weight0`` meets the input, ``weight1`` the hidden state."""
    return _steps(shape(call, "input")) * (prod(shape(call, "weight0")) + prod(shape(call, "weight1")))


@priced("lstm_cell gru_cell rnn_tanh_cell rnn_relu_cell")
def cell_macs(call: OpCall) -> int:
    """Price one time step: ``batch * elements of the two weight matrices`` MACs."""
    return _steps(shape(call, "input")) * (prod(shape(call, "w_ih")) + prod(shape(call, "w_hh")))


def _steps(sequence: Shape) -> int:
    return prod(sequence[:-1])


def _matrices(weights: tuple[Shape, ...]) -> int:
    return sum(prod(weight) for weight in weights if len(weight) == 2)  # noqa: PLR2004  # a matrix
