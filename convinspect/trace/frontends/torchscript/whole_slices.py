"""Slices of a whole axis in TorchScript: Python's own indexing passes over ``x[:]`` and ``x[:, :n]`` of n entries."""

from __future__ import annotations

from typing import Any

import torch

_TO_THE_END = 2**63 - 1


def is_tensor_slice(node: Any) -> bool:
    """Tell a slice of a tensor in steps of one."""
    if node.kind() != "aten::slice" or node.output().type().kind() != "TensorType":
        return False
    _, axis, _, _, step = map(_constant, node.inputs())
    return isinstance(axis, int) and step == 1


def pass_over(graph: Any, node: Any) -> None:
    """Let ``node`` (a slice) run only where it leaves something out."""
    tensor, axis, start, end, _ = node.inputs()
    begins = _constant(start)
    if _constant(end) in (_TO_THE_END, None) and begins in (0, None):
        node.output().replaceAllUsesWith(tensor)
        node.destroy()
    elif end.type().kind() == "IntType" and (begins in (0, None) or start.type().kind() == "IntType"):
        _choose(graph, node, _is_whole(graph, node, (tensor, axis, start, end)))


def _is_whole(graph: Any, node: Any, parts: tuple[Any, ...]) -> Any:
    """Return a boolean value, worked out before ``node``: it starts at 0 and ends at the size of the axis."""
    tensor, axis, start, end = parts
    size = _before(graph, node, "aten::size", [tensor, axis], torch._C.IntType.get())  # noqa: SLF001
    whole = _before(graph, node, "aten::eq", [end, size], torch._C.BoolType.get())  # noqa: SLF001
    if _constant(start) in (0, None):
        return whole
    zero = graph.insertConstant(0)
    zero.node().moveBefore(node)
    begins = _before(graph, node, "aten::eq", [start, zero], torch._C.BoolType.get())  # noqa: SLF001
    return _before(graph, node, "aten::__and__", [whole, begins], torch._C.BoolType.get())  # noqa: SLF001


def _choose(graph: Any, node: Any, whole: Any) -> None:
    choice = graph.create("prim::If", [whole], 1)
    choice.insertBefore(node)
    choice.output().setType(node.output().type())
    choice.addBlock().registerOutput(next(node.inputs()))
    otherwise = choice.addBlock()
    node.output().replaceAllUsesWith(choice.output())
    node.moveBefore(otherwise.returnNode())
    otherwise.registerOutput(node.output())


def _before(graph: Any, node: Any, kind: str, inputs: list[Any], result: Any) -> Any:
    made = graph.create(kind, inputs, 1)
    made.output().setType(result)
    made.insertBefore(node)
    return made.output()


def _constant(value: Any) -> Any:
    """Return the value of a constant; an ellipsis for anything else."""
    return value.toIValue() if value.node().kind() == "prim::Constant" else ...
