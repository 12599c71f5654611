"""TorchScript graphs changed so that they run the operators that the eager model runs, on the same path."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from convinspect.trace.frontends.torchscript.traced_sizes import is_size_of_tensors, write_as_integer
from convinspect.trace.frontends.torchscript.whole_slices import is_tensor_slice, pass_over

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


def is_plain(graph: Any) -> bool:
    """Tell whether `make_plain` would leave ``graph`` as it is."""
    return not any(
        node.kind() in (*_FAST_PATHS, _TRACED_CONVOLUTION, "prim::CallFunction")
        or is_tensor_slice(node)
        or is_size_of_tensors(node)
        for node in _nodes(graph)
    )


def make_plain(graph: Any) -> None:
    """Turn off the fused paths of ``graph``, drop slices of everything, and undo what the tracer made of Python."""
    rewritten = False
    for node in list(_nodes(graph)):
        if node.kind() == "prim::If":
            _turn_off(graph, node)
        elif node.kind() == _TRACED_CONVOLUTION:
            _write_plainly(graph, node)
        elif is_tensor_slice(node):
            pass_over(graph, node)
        elif is_size_of_tensors(node) and write_as_integer(graph, node):
            rewritten = True
    if rewritten:
        torch._C._jit_pass_dce(graph)  # noqa: SLF001 - the tensors that the sizes were


def _nodes(block: Any) -> Iterator[Any]:
    for node in block.nodes():
        yield node
        for inner in node.blocks():
            yield from _nodes(inner)


def _turn_off(graph: Any, choice: Any) -> None:
    """Let ``choice`` (an ``if``) always take its other branch where one branch is a fused path."""
    taken, other = ([node.kind() for node in block.nodes()] for block in choice.blocks())
    for kinds, answer in ((taken, False), (other, True)):
        if any(kind in _FAST_PATHS for kind in kinds):
            condition = graph.insertConstant(answer)
            condition.node().moveBefore(choice)
            choice.replaceInput(0, condition)


def _write_plainly(graph: Any, node: Any) -> None:
    plain = graph.create("aten::convolution", list(node.inputs())[:_CONVOLUTION_INPUTS], 1)
    plain.insertBefore(node)
    plain.output().setType(node.output().type())
    node.output().replaceAllUsesWith(plain.output())
    node.destroy()
