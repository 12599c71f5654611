"""TorchScript graphs changed so that they run the operators that the eager model runs, on the same path."""

from __future__ import annotations

from typing import Any

from convinspect.frontends.torchscript.graphs import constant_before, nodes_in, put_before
from convinspect.frontends.torchscript.traced_sizes import is_size_of_tensors, write_as_integer
from convinspect.torch_private import drop_unused_nodes, graph_type

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


def is_plain(graph: Any) -> bool:
    """Tell whether `make_plain` would leave ``graph`` as it is."""
    return not any(
        node.kind() in (*_FAST_PATHS, _TRACED_CONVOLUTION, "prim::CallFunction")
        or _is_tensor_slice(node)
        or is_size_of_tensors(node)
        for node in nodes_in(graph)
    )


def make_plain(graph: Any) -> None:
    """Turn off the fused paths of ``graph``, drop slices of everything, and undo what the tracer made of Python."""
    rewritten = False
    for node in list(nodes_in(graph)):
        if node.kind() == "prim::If":
            _turn_off(graph, node)
        elif node.kind() == _TRACED_CONVOLUTION:
            inputs = list(node.inputs())[:_CONVOLUTION_INPUTS]
            _replace(node, put_before(graph, node, "aten::convolution", inputs, node.output().type()))
        elif _is_tensor_slice(node):
            _pass_over(graph, node)
        elif is_size_of_tensors(node) and write_as_integer(graph, node):
            rewritten = True
    if rewritten:
        drop_unused_nodes(graph)  # the tensors that the sizes were


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
    choice.addBlock().registerOutput(next(node.inputs()))
    otherwise = choice.addBlock()
    node.output().replaceAllUsesWith(chosen)
    node.moveBefore(otherwise.returnNode())
    otherwise.registerOutput(node.output())


def _replace(node: Any, value: Any) -> None:
    node.output().replaceAllUsesWith(value)
    node.destroy()


def _constant(value: Any) -> Any:
    """Return the value of a constant; an ellipsis for anything else."""
    return value.toIValue() if value.node().kind() == "prim::Constant" else ...
