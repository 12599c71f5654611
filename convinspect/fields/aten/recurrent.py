"""Fused recurrent layers: each step depends on all steps before it, and in the other direction on all after it."""

from __future__ import annotations

from convinspect.fields.hulls.arrays import Shape
from convinspect.fields.operations.contracting import accumulate
from convinspect.fields.operations.field import Field, collapse
from convinspect.fields.operations.merging import concatenate
from convinspect.fields.operations.moves import broadcast, widen
from convinspect.fields.operations.reading import select
from convinspect.fields.rules import Call, Result, aten, rf_rule


@rf_rule("aten::mkldnn_rnn_layer")
def one_layer(call: Call) -> Result:
    """One layer in one direction, over ``(time, batch, features)``."""
    out = _layer(call, call["input"], call.fields("hx_", "cx_"), time=0, reverse=bool(call.args["reverse"]))
    return _with_states(call, widen(out, out.rank - 1, call.shape[-1]), time=0)


@rf_rule(*aten("_cudnn_rnn miopen_rnn lstm gru rnn_tanh rnn_relu _lstm_mps"))
def layers(call: Call) -> Result:
    """All layers at once; of packed sequences all of the input, as a bound."""
    if "data" in call.args:
        return [collapse(call["data"], shape).marked(upper_bound=call.cause) for shape in call.shapes]
    x, states = call["input"], call.fields("hx", "cx")
    time = 1 if call.args["batch_first"] and x.rank > 2 else 0  # noqa: PLR2004 - time, batch, features
    last, features = x.rank - 1, call.shape[-1]
    forward = _layer(call, x, states, time=time)
    if not call.args["bidirectional"]:
        return _with_states(call, widen(forward, last, features), time)
    backward = _layer(call, x, states, time=time, reverse=True)
    if int(call.args["num_layers"]) > 1:
        # From the second layer on either direction reads both directions of the first.
        both = call.merge([forward, backward], forward.shape)
        forward, backward = (_layer(call, both, states, time=time, reverse=r) for r in (False, True))
    out = concatenate([widen(side, last, features // 2) for side in (forward, backward)], last)
    return _with_states(call, out, time)


@rf_rule(*aten("_thnn_fused_lstm_cell _thnn_fused_gru_cell lstm_cell gru_cell rnn_tanh_cell rnn_relu_cell"))
def cell(call: Call) -> Result:
    """One step, all features of its gates and of its state."""
    weights = ("w_ih", "w_hh", "b_ih", "b_hh", "input_bias", "hidden_bias")
    steps = call.fields(*(name for name in call.args if name not in weights))
    if "w_ih" in call.args:
        call.candidates.features(call["input"], -1)
    parts = [*(call.contract(step, [-1]) for step in steps), *map(call.whole, call.fields(*weights))]
    out = call.merge(parts, (*call.shape[:-1], 1))
    return [
        widen(out, out.rank - 1, shape[-1]) if len(shape) == out.rank else collapse(out, shape) for shape in call.shapes
    ]


@rf_rule(*aten("_pack_padded_sequence _pad_packed_sequence"))
def pack(call: Call) -> Result:
    """Sequences of unequal lengths, one after the other: all of the input, as a bound; lengths depend on lengths."""
    whole = call.all_of(call.fields())[0]
    return [whole.marked(upper_bound=call.cause), *(None for _ in call.outputs[1:])]


def _with_states(call: Call, out: Field, time: int) -> list[Field]:
    """Answer ``out``, and for the last states, sequence by sequence, all that its last step and its features see."""
    last = select(out, time, out.shape[time] - 1)
    last = call.contract(last, [-1])

    def state(shape: Shape) -> Field:
        return broadcast(last, shape) if shape[-last.rank : -1] == last.shape[:-1] else collapse(out, shape)

    return [out, *map(state, call.shapes[1:])]


def _layer(call: Call, x: Field, states: list[Field], *, time: int, reverse: bool = False) -> Field:
    """One direction of one layer, over features of size 1."""
    call.candidates.features(x, -1)
    call.candidates.samples(x, [time])
    out = accumulate(call.contract(x, [-1]), time, None, reverse=reverse)
    initial = [collapse(state, (1,) * out.rank) for state in states]
    return call.merge([out, *initial], out.shape) if initial else out
