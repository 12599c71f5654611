"""Fused recurrent layers: each step depends on all steps before it, and in the other direction on all after it."""

from __future__ import annotations

from typing import Any

from convinspect.fields import moves
from convinspect.fields.field import Field, Shape, collapse
from convinspect.fields.joining import concatenate
from convinspect.fields.mixing import accumulate
from convinspect.fields.rules import Call, Result, register, tensors_in


@register("aten::mkldnn_rnn_layer")
def one_layer(call: Call) -> Result:
    """One layer in one direction, over ``(time, batch, features)``."""
    x = call["input"]
    states = [call.field(call.args[name]) for name in ("hx_", "cx_")]
    out = _layer(call, x, states, time=0, reverse=bool(call.args["reverse"]))
    return _outputs(call, moves.widen(out, len(x.shape) - 1, call.shape[-1]))


@register("aten::_cudnn_rnn", "aten::miopen_rnn")
def fused(call: Call) -> Result:
    """All layers at once."""
    return _stacked(call, [call.args["hx"], call.args.get("cx")], batch_first=bool(call.args["batch_first"]))


@register("aten::lstm", "aten::gru", "aten::rnn_tanh", "aten::rnn_relu")
def layers(call: Call) -> Result:
    """All layers at once, as one composite operator."""
    if "data" in call.args:
        return [_packed(call, shape) for shape in call.outputs]
    return _stacked(call, [call.args["hx"]], batch_first=bool(call.args["batch_first"]))


@register("aten::_thnn_fused_lstm_cell", "aten::_thnn_fused_gru_cell")
def cell(call: Call) -> Result:
    """One step, all features of its gates and of its state."""
    parts = [call.contract(field, [-1]) for field in call.fields()]
    out = call.merge(parts, (*call.shape[:-1], 1))
    return [_sized(out, shape) for shape in call.outputs]


@register("aten::_pack_padded_sequence", "aten::_pad_packed_sequence")
def pack(call: Call) -> Result:
    """Sequences of unequal lengths, one after the other: all of the input, as a bound; lengths depend on lengths."""
    whole = call.merge([collapse(field, ()) for field in call.fields()], ())
    return [collapse(whole, call.shape).doubting(upper_bound=call.cause), *(None for _ in call.outputs[1:])]


def _sized(out: Field, shape: Shape) -> Field:
    return moves.widen(out, len(shape) - 1, shape[-1]) if len(shape) == len(out.shape) else collapse(out, shape)


def _packed(call: Call, shape: Shape) -> Field:
    """Packed sequences: all of the input, as a bound."""
    field = collapse(call["data"], shape)
    return field.doubting(upper_bound=call.cause)


def _stacked(call: Call, states: list[Any], *, batch_first: bool) -> Result:
    x = call["input"]
    time = 1 if batch_first and len(x.shape) > 2 else 0  # noqa: PLR2004 - time, batch, features
    initial = [call.field(state) for state in tensors_in(states)]
    forward = _layer(call, x, initial, time=time)
    last = len(x.shape) - 1
    if not call.args["bidirectional"]:
        return _outputs(call, moves.widen(forward, last, call.shape[-1]))
    backward = _layer(call, x, initial, time=time, reverse=True)
    if int(call.args["num_layers"]) > 1:
        # From the second layer on either direction reads both directions of the first.
        both = call.merge([forward, backward], forward.shape)
        forward, backward = (_layer(call, both, initial, time=time, reverse=r) for r in (False, True))
    half = call.shape[-1] // 2
    sides = [moves.widen(side, last, half) for side in (forward, backward)]
    return _outputs(call, concatenate(sides, last))


def _layer(call: Call, x: Field, states: list[Field], *, time: int, reverse: bool = False) -> Field:
    """One direction of one layer, over features of size 1."""
    out = accumulate(call.contract(x, [-1]), time, None, reverse=reverse)
    initial = [collapse(state, (1,) * len(out.shape)) for state in states if not state.is_nothing]
    return call.merge([out, *initial], out.shape) if initial else out


def _outputs(call: Call, out: Field) -> Result:
    """The sequence, and after it the states: all that any step saw."""
    return [out, *(collapse(out, shape) for shape in call.outputs[1:])]
