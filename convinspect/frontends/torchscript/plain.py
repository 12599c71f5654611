"""TorchScript graphs changed so that they run the operators that the eager model runs, on the same path."""

from __future__ import annotations

from typing import Any

import torch

from convinspect.torch_private import dtype_number, graph_type, nodes_in

# Scripted code always takes the fused path of attention, which hides its operators; the run switches it off in
# eager models (``torch.backends.mha``), but to a script the switch is the constant True.
_FAST_PATHS = (
    "aten::_transformer_encoder_layer_fwd",
    "aten::_native_multi_head_attention",
    "aten::_nested_tensor_from_mask",
)
# ``aten::_convolution`` is what the tracer sees of a convolution; its last arguments choose a kernel.
_TRACED_CONVOLUTION = "aten::_convolution"
_CONVOLUTION_INPUTS = 9
_TO_THE_END = 2**63 - 1
# How a tensor operator on two sizes is called between integers.
_ON_INTEGERS = {
    "aten::add": "aten::add",
    "aten::sub": "aten::sub",
    "aten::mul": "aten::mul",
    "aten::floor_divide": "aten::floordiv",
    "aten::remainder": "aten::remainder",
}
_ROUNDED = {"floor": "aten::floordiv", "trunc": "aten::__round_to_zero_floordiv"}
_TO_INTEGER = ("aten::Int", "aten::IntImplicit", "aten::ScalarImplicit")


def is_plain(graph: Any) -> bool:
    """Tell whether `make_plain` would leave ``graph`` as it is."""
    return not any(
        node.kind() in (*_FAST_PATHS, _TRACED_CONVOLUTION, "prim::CallFunction")
        or _is_tensor_slice(node)
        or _is_size_of_tensors(node)
        or _is_at_home(node)
        for node in nodes_in(graph)
    )


def make_plain(graph: Any) -> None:
    """Turn off the fused paths of ``graph``, drop slices of everything, and undo what the tracer made of Python."""
    for node in list(nodes_in(graph)):
        if node.kind() == "prim::If":
            _turn_off(graph, node)
        elif node.kind() == _TRACED_CONVOLUTION:
            inputs = list(node.inputs())[:_CONVOLUTION_INPUTS]
            _replace(node, put_before(graph, node, "aten::convolution", inputs, node.output().type()))
        elif _is_tensor_slice(node):
            _pass_over(graph, node)
        elif _is_at_home(node):
            _replace(node, next(node.inputs()))
        elif _is_size_of_tensors(node):
            _write_as_integer(graph, node)


def _turn_off(graph: Any, choice: Any) -> None:
    """Let ``choice`` (an ``if``) always take its other branch where one branch is a fused path."""
    taken, other = ([node.kind() for node in block.nodes()] for block in choice.blocks())
    for kinds, answer in ((taken, False), (other, True)):
        if any(kind in _FAST_PATHS for kind in kinds):
            choice.replaceInput(0, constant_before(graph, choice, answer))


def _is_tensor_slice(node: Any) -> bool:
    """Tell a slice of a tensor in steps of one."""
    if node.kind() != "aten::slice" or node.output().type().kind() != "TensorType":
        return False
    _, axis, _, _, step = map(_constant, node.inputs())
    return isinstance(axis, int) and step == 1


def _pass_over(graph: Any, node: Any) -> None:
    """Let ``node`` (a slice) run only where it leaves something out.

    Python's own indexing passes over ``x[:]``, and over ``x[:, :n]`` of n entries.
    """
    tensor, _, start, end, _ = node.inputs()
    begins = _constant(start)
    if _constant(end) in (_TO_THE_END, None) and begins in (0, None):
        _replace(node, tensor)
    elif end.type().kind() == "IntType" and (begins in (0, None) or start.type().kind() == "IntType"):
        _choose(graph, node, _is_whole(graph, node))


def _is_whole(graph: Any, node: Any) -> Any:
    """Return a boolean value, worked out before ``node``: it starts at 0 and ends at the size of the axis."""
    tensor, axis, start, end, _ = node.inputs()
    integer, boolean = graph_type(int), graph_type(bool)
    size = put_before(graph, node, "aten::size", [tensor, axis], integer)
    whole = put_before(graph, node, "aten::eq", [end, size], boolean)
    if _constant(start) in (0, None):
        return whole
    begins = put_before(graph, node, "aten::eq", [start, constant_before(graph, node, 0)], boolean)
    return put_before(graph, node, "aten::__and__", [whole, begins], boolean)


def _choose(graph: Any, node: Any, whole: Any) -> None:
    """Let ``node`` run where ``whole`` is false, and give its first input where it is true."""
    chosen = put_before(graph, node, "prim::If", [whole], node.output().type())
    choice = chosen.node()
    tensor, block = next(node.inputs()), choice.addBlock()
    block.registerOutput(tensor)
    graph.create("convinspect::cut", [tensor], 0).insertBefore(block.returnNode())
    otherwise = choice.addBlock()
    node.output().replaceAllUsesWith(chosen)
    node.moveBefore(otherwise.returnNode())
    otherwise.registerOutput(node.output())


def _is_at_home(node: Any) -> bool:
    """Tell a constant that is brought to the CPU as it is: on the meta device it would be copied."""
    if node.kind() != "aten::to":
        return False
    tensor, device, *others = map(_constant, node.inputs())
    if not (isinstance(tensor, torch.Tensor) and tensor.is_meta and device == torch.device("cpu")):
        return False
    return others == [dtype_number(tensor.dtype), False, False, None]


def _is_size_of_tensors(node: Any) -> bool:
    """Tell a node that turns a tensor into a number: which the tracer wrote for ``x.shape[2] // 2``."""
    return node.kind() in _TO_INTEGER and next(node.inputs()).type().kind() == "TensorType"


def _write_as_integer(graph: Any, node: Any) -> None:
    """Replace ``node`` by integer arithmetic, where its tensor was made of sizes and constants alone."""
    tensor = next(node.inputs())
    number = _integer(graph, node, tensor)
    if number is not None:
        _replace(node, number)
        _drop(tensor)


def _drop(tensor: Any) -> None:
    """Remove the arithmetic that only made ``tensor``, where nobody reads it any more."""
    left, gone = [(tensor.debugName(), tensor)], set[str]()
    while left:
        name, value = left.pop()
        # What is gone cannot be asked for anything.
        if name in gone or value.uses() or not _is_arithmetic(value.node()):
            continue
        left += [(one.debugName(), one) for one in value.node().inputs()]
        value.node().destroy()
        gone.add(name)


def _is_arithmetic(node: Any) -> bool:
    return node.kind().removesuffix("_") in ("prim::NumToTensor", "aten::div", *_ON_INTEGERS)


def _integer(graph: Any, place: Any, value: Any) -> Any:
    """Return an integer equal to the tensor ``value``, made before ``place``; ``None`` where it has other sources."""
    if value.type().kind() == "IntType":
        return value
    node = value.node()
    # An operator in place gives the tensor that it was given; whoever else reads that one may come before or after it.
    if len(value.uses()) > 1 and any(use.user.kind().endswith("_") and use.offset == 0 for use in value.uses()):
        return None
    kind = node.kind().removesuffix("_")
    if kind == "prim::NumToTensor":
        return _integer(graph, place, next(node.inputs()))
    if kind == "prim::Constant":
        known = value.toIValue()
        plain = isinstance(known, torch.Tensor) and not (known.dim() or known.is_floating_point() or known.is_meta)
        return constant_before(graph, place, int(known)) if plain else None
    first, second, *rest = node.inputs() if kind in (*_ON_INTEGERS, "aten::div") else (None, None)
    operator = _operator(kind, [value.toIValue() for value in rest])
    if operator is None:
        return None
    numbers = [_integer(graph, place, first), _integer(graph, place, second)]
    return None if None in numbers else put_before(graph, place, operator, numbers, graph_type(int))


def _operator(kind: str, rest: list[Any]) -> str | None:
    """Return the operator on integers; ``rest`` is the scale of a sum, or how a division rounds."""
    if kind == "aten::div":
        return _ROUNDED.get(rest[0]) if rest else None
    return _ON_INTEGERS.get(kind) if rest in ([], [1]) else None


def _replace(node: Any, value: Any) -> None:
    node.output().replaceAllUsesWith(value)
    node.destroy()


def _constant(value: Any) -> Any:
    """Return the value of a constant; an ellipsis for anything else."""
    return value.toIValue() if value.node().kind() == "prim::Constant" else ...


def put_before(graph: Any, place: Any, kind: str, inputs: list[Any], result: Any) -> Any:
    """Put a node of ``kind`` before the node ``place``, and return its value, of type ``result``."""
    made = graph.create(kind, inputs, 1)
    made.output().setType(result)
    made.insertBefore(place)
    return made.output()


def constant_before(graph: Any, place: Any, constant: float | str) -> Any:
    """Put a constant before the node ``place``, and return its value."""
    value = graph.insertConstant(constant)
    value.node().moveBefore(place)
    return value
