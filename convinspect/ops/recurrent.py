"""What recurrent layers cost: at every time step, every element of every weight matrix is used once."""

from __future__ import annotations

from math import prod

from convinspect.ops.arguments import NotGivenError, Shape, flag, shape, shapes
from convinspect.ops.operators import Operator, priced, type_name
from convinspect.records import Attributes, OpCall

_MODES = {0: "rnn_relu", 1: "rnn_tanh", 2: "lstm", 3: "gru"}
_GATES = {"lstm": 4, "gru": 3}


def _by_mode(call: OpCall) -> str:
    mode = call.args.get("mode")
    return _MODES.get(mode, "rnn") if isinstance(mode, int) else "rnn"


def _layers(call: OpCall) -> Attributes:
    """Read the first matrix of weights, ``(gates * hidden, inputs)``, and what the call says of the others."""
    name = next((name for name in ("params", "weight") if isinstance(call.args.get(name), tuple)), None)
    first, second = shapes(call, name)[:2] if name else (shape(call, "weight0"), shape(call, "weight1"))
    layers = call.args.get("num_layers")
    if not isinstance(layers, int):
        raise NotGivenError(call.op)
    gates = _GATES.get(type_name(call), 1)
    attributes = Attributes(
        input_size=first[1],
        hidden_size=first[0] // gates,
        num_layers=layers,
        bidirectional=flag(call, "bidirectional"),
    )
    if second[1] != attributes["hidden_size"]:
        attributes["proj_size"] = second[1]
    return attributes


def _cell(call: OpCall) -> Attributes:
    (_, inputs), (_, hidden) = shape(call, "w_ih"), shape(call, "w_hh")
    return Attributes(input_size=inputs, hidden_size=hidden)


@priced("lstm gru rnn_tanh rnn_relu _lstm_mps", Operator(attributes=_layers))
def layers_macs(call: OpCall) -> int:
    """Price a whole recurrent network: ``steps * batch * elements of all weight matrices`` MACs.

    The matrices of all layers, directions and projections are in ``params``; biases are vectors, and gates
    are pointwise: neither is counted. Packed sequences come as ``data`` ``(sum of lengths, features)``.
    """
    return _steps(shape(call, "input", "data")) * _matrices(shapes(call, "params"))


@priced("_cudnn_rnn miopen_rnn", Operator(named=_by_mode, attributes=_layers))
def cuda_layers_macs(call: OpCall) -> int:
    """Price the fused kernel of a whole recurrent network on a GPU, as `layers_macs`."""
    return _steps(shape(call, "input")) * _matrices(shapes(call, "weight"))


@priced("mkldnn_rnn_layer", Operator(named=_by_mode, attributes=_layers))
def cpu_layer_macs(call: OpCall) -> int:
    """Price one direction of one layer: ``weight0`` meets the input, ``weight1`` the hidden state."""
    return _steps(shape(call, "input")) * (prod(shape(call, "weight0")) + prod(shape(call, "weight1")))


@priced("lstm_cell gru_cell rnn_tanh_cell rnn_relu_cell", Operator(attributes=_cell))
def cell_macs(call: OpCall) -> int:
    """Price one time step: ``batch * elements of the two weight matrices`` MACs."""
    return _steps(shape(call, "input")) * (prod(shape(call, "w_ih")) + prod(shape(call, "w_hh")))


def _steps(sequence: Shape) -> int:
    return prod(sequence[:-1])


def _matrices(weights: tuple[Shape, ...]) -> int:
    return sum(prod(weight) for weight in weights if len(weight) == 2)  # noqa: PLR2004  # a matrix
