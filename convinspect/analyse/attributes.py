"""The settings of a row: those of its operator, of a module's row where the module is one layer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod
from typing import cast

from convinspect.analyse.rows import Row
from convinspect.ops import attributes_of, operator, price, type_name
from convinspect.records import PER_AXIS, Attributes, ModuleCall, OpCall, Padding, TensorRecord, Weight
from convinspect.records.attributes import sides

Sizes = tuple[int, ...]
# Rows of a matrix of weights for each row of the state.
_GATES = {"LSTM": 4, "GRU": 3, "RNN": 1, "LSTMCell": 4, "GRUCell": 3, "RNNCell": 1}
_TO_ONE = 1


def attributes_by_row(rows: Sequence[Row]) -> list[Attributes]:
    """Return the settings of each row; a module that calls others, or is several layers, or none, has none.

    What a module itself pads in front of its one operator (padding modes, SAME padding) is in its padding.
    """
    below: dict[int, list[OpCall]] = {}
    callers = set()
    for row in rows:
        if isinstance(row.call, OpCall):
            below.setdefault(id(row.parent), []).append(row.call)
        elif row.call is not None:
            callers.add(id(row.parent))
    return [_row_attributes(row, [] if id(row) in callers else below.get(id(row), [])) for row in rows]


def _row_attributes(row: Row, below: Sequence[OpCall]) -> Attributes:
    """Return the settings of ``row``; ``below`` are the operators that have rows of their own below it."""
    call = row.call
    if isinstance(call, OpCall):
        return _with_place({} if type_name(call) == "matmul" else attributes_of(call), [call])
    if call is None or not (row.leaf or below):
        return {}
    # torch's own attention is no leaf: it reads the weights of a module below it without calling that.
    return _heads(call, (*row.ops, *below)) or (_with_place(_leaf(call, row), row.ops) if row.leaf else {})


def _with_place(attributes: Attributes, ops: Sequence[OpCall]) -> Attributes:
    """Say of a row that is one operator, views aside, whether that writes over its input."""
    computing = [op for op in ops if operator(op.op).kind == "computation"]
    in_place = len(computing) == 1 and computing[0].op.split(".")[1].endswith("_") and "__" not in computing[0].op
    return {**attributes, "inplace": True} if in_place else attributes


def _leaf(call: ModuleCall, row: Row) -> Attributes:
    recurrent = _recurrent(call, row.weights)
    if recurrent:
        return recurrent
    if sum(price(op) != 0 for op in row.ops) > 1:
        return {}
    layers = [index for index, op in enumerate(row.ops) if _is_layer(op, row.weights)]
    pads = [op for op in row.ops if _pads(op)]
    if layers:
        found = _settings(row.ops, layers[0]) if len(layers) == 1 else {}
        # Instance norm runs as a batch norm over the channels of all samples at once.
        channels = call.inputs[0].shape[1:2] if call.inputs else ()
        return {} if channels and found.get("num_features", channels[0]) != channels[0] else found
    return attributes_of(pads[0]) if len(pads) == 1 else {}


def _is_layer(op: OpCall, weights: Sequence[Weight]) -> bool:
    attributes = attributes_of(op)
    if not attributes or _pads(op):
        return False
    if type_name(op) == "matmul":
        # A product of two activations is no layer: one of its sides is a weight, as it stands.
        return any(w.numel == attributes["in_features"] * attributes["out_features"] for w in weights)
    return True


def _pads(op: OpCall) -> bool:
    return type_name(op) == "pad"


def _settings(ops: Sequence[OpCall], index: int) -> Attributes:
    """Return the settings of one operator of a row, with what the row's other operators add to them."""
    attributes = attributes_of(ops[index])
    axes = len(attributes.get("kernel_size", attributes.get("output_size", ())))
    shape = _input_shape(ops[index])
    for op in reversed(ops[:index]):
        if shape is None or (op.outputs[0].shape if op.outputs else None) != shape:
            continue
        dim = op.args.get("dim")
        if op.op.startswith("aten.unsqueeze.") and isinstance(dim, int):
            axis = dim % len(shape) - (len(shape) - axes)
            attributes = _without_axis(attributes, axis) if axis >= 0 else attributes
            axes -= axis >= 0
        elif _pads(op):
            attributes = _padded(attributes, attributes_of(op), axes)
        elif op.op.startswith("aten.new_empty."):
            attributes = _padded(attributes, _wrapped(shape, ops[:index]), axes)
        elif op.op.startswith("aten.pow.") and attributes.get("pool") == "avg":
            attributes = _power(attributes, op, ops[-1])
        else:
            continue
        shape = _input_shape(op)
    return attributes


def _without_axis(attributes: Attributes, axis: int) -> Attributes:
    """Return the settings without those of an axis that was put in for the operator alone: 1-D pooling runs as 2-D."""
    kept = {
        name: (*value[:axis], *value[axis + 1 :]) if name in PER_AXIS and isinstance(value, tuple) else value
        for name, value in attributes.items()
    }
    return cast("Attributes", kept)


def _padded(attributes: Attributes, pad: Attributes, axes: int) -> Attributes:
    """Return the settings of a window with the padding in front of it; two modes at once are no one setting."""
    own, more = attributes.get("padding"), pad.get("padding", ())
    if own is None or len(more) > axes or not more:
        return attributes
    mode = "zeros" if pad.get("value") == 0 and "pool" not in attributes else pad["padding_mode"]
    if mode != attributes.get("padding_mode", mode) and any(own):
        return attributes
    more = (*(0,) * (axes - len(more)), *more)
    padding = tuple(map(_add, own, more))
    return {**attributes, "padding": padding, "padding_mode": mode}


def _add(own: Padding, more: Padding) -> Padding:
    left, right = (a + b for a, b in zip(sides(own), sides(more), strict=True))
    return left if left == right else (left, right)


def _wrapped(padded: Sizes, ops: Sequence[OpCall]) -> Attributes:
    """Return the padding of ``F.pad(mode="circular")``, which copies slices into a new tensor of shape ``padded``.

    The first slice of it along an axis is where the input itself goes.
    """
    slices = list(_slices(padded, ops))
    source = next((_input_shape(op) for op in reversed(ops) if op.op.startswith("aten.new_empty.")), None)
    if source is None or not slices or len(source) != len(padded):
        return {}
    sides: list[Padding] = []
    for axis in range(2, len(padded)):
        before = next((start for dim, start in slices if dim == axis), 0)
        after = padded[axis] - source[axis] - before
        sides.append(before if before == after else (before, after))
    return Attributes(padding=tuple(sides), padding_mode="circular")


def _slices(padded: Sizes, ops: Sequence[OpCall]) -> Iterator[tuple[int, int]]:
    for op in ops:
        dim, start, shape = op.args.get("dim"), op.args.get("start"), _input_shape(op)
        if op.op.startswith("aten.slice.") and isinstance(dim, int) and isinstance(start, int) and shape:
            axis = dim % len(shape)
            if len(shape) == len(padded) and shape[axis] == padded[axis]:
                yield axis, start


def _power(attributes: Attributes, before: OpCall, after: OpCall) -> Attributes:
    """Return LP pooling's settings, where an average stands between a power and its root."""
    power, root = before.args.get("exponent"), after.args.get("exponent")
    if not isinstance(power, (int, float)) or not isinstance(root, (int, float)) or power * root != _TO_ONE:
        return attributes
    return {**attributes, "pool": "lp", "norm_type": float(power)}


def _recurrent(call: ModuleCall, weights: Sequence[Weight]) -> Attributes:
    """Return the settings of torch's own recurrent layers, which may run as one kernel or as many small operators.

    The names of their weights count layers and directions; the first matrix is ``(gates * hidden, inputs)``, that of a
    projection ``(projected, hidden)``.
    """
    names = {weight.name: weight.numel or 0 for weight in weights}
    first = names.get("weight_ih", names.get("weight_ih_l0", 0))
    inputs = call.inputs[0].shape[-1] if call.inputs and call.inputs[0].shape else 0
    if call.type not in _GATES or not inputs:
        return {}
    hidden, rest = divmod(first, _GATES[call.type] * inputs)
    if rest or not hidden:  # a class of the user's under one of these names
        return {}
    bias = any(name.startswith("bias") for name in names)
    attributes = Attributes(input_size=inputs, hidden_size=hidden, bias=bias)
    layers = sum(name.startswith("weight_hh_l") and not name.endswith("_reverse") for name in names)
    if layers:
        attributes["num_layers"] = layers
        attributes["bidirectional"] = any(name.endswith("_reverse") for name in names)
    projection = names.get("weight_hr_l0")
    if projection is not None:
        attributes["proj_size"] = projection // hidden
    return attributes


def _heads(call: ModuleCall, ops: Sequence[OpCall]) -> Attributes:
    """Return the settings of a layer that is one attention: its products tell the heads, in one kernel or in two."""
    whole = [found for op in ops if "num_heads" in (found := attributes_of(op))]
    if whole:
        return whole[0] if len(whole) == 1 else {}
    products = [op for op in ops if op.op.startswith(("aten.bmm.", "aten.baddbmm."))]
    if len(products) != len(("scores", "values")) or not any("softmax" in op.op for op in ops):
        return {}
    query = _input_shape(products[0], "batch1")
    if query is None or not call.inputs or not call.outputs:
        return {}
    (*tokens, _), features = call.inputs[0].shape, query[-1]
    positions = prod(tokens)
    heads = query[0] * query[1] // positions if positions else 0
    if heads * features != call.outputs[0].shape[-1] or heads * positions != query[0] * query[1]:
        return {}
    return Attributes(num_heads=heads, head_dim=features, embed_dim=heads * features)


def _input_shape(op: OpCall, *names: str) -> Sizes | None:
    values = (op.args.get(name) for name in (*names, "input", "self"))
    return next((value.shape for value in values if isinstance(value, TensorRecord)), None)
