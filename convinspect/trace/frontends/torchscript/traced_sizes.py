"""Arithmetic on sizes in a traced graph, as integers again: the tracer wrote ``x.shape[2] // 2`` with tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

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


def is_size_of_tensors(node: Any) -> bool:
    """Tell a node that turns a tensor into a number: where `write_as_integer` starts."""
    return node.kind() in _TO_INTEGER and next(node.inputs()).type().kind() == "TensorType"


def write_as_integer(graph: Any, node: Any) -> bool:
    """Replace ``node`` by integer arithmetic; tell whether its tensor was made of sizes and constants alone."""
    number = _integer(next(node.inputs()), _before(graph, node))
    if number is None:
        return False
    node.output().replaceAllUsesWith(number)
    node.destroy()
    return True


def _before(graph: Any, place: Any) -> Callable[[str, list[Any]], Any]:
    def create(kind: str, inputs: list[Any]) -> Any:
        made = graph.create(kind, inputs, 1)
        made.output().setType(torch._C.IntType.get())  # noqa: SLF001 - there is no public name
        made.insertBefore(place)
        return made.output()

    def constant(number: int) -> Any:
        value = graph.insertConstant(number)
        value.node().moveBefore(place)
        return value

    return lambda kind, inputs: constant(inputs[0]) if kind == "constant" else create(kind, inputs)


def _integer(value: Any, create: Callable[[str, list[Any]], Any]) -> Any:
    """Return an integer value equal to the tensor ``value``, or ``None`` where it is made of anything else."""
    if value.type().kind() == "IntType":
        return value
    node = value.node()
    kind = node.kind()
    if kind == "prim::NumToTensor":
        return _integer(next(node.inputs()), create)
    if kind == "prim::Constant":
        return _constant(value, create)
    first, second, *rest = node.inputs() if kind in (*_ON_INTEGERS, "aten::div") else (None, None)
    how = _operator(kind, [value.toIValue() for value in rest])
    if how is None:
        return None
    numbers = [_integer(first, create), _integer(second, create)]
    return None if None in numbers else create(how, numbers)


def _operator(kind: str, rest: list[Any]) -> str | None:
    """Return the operator on integers; ``rest`` is the scale of a sum, or how a division rounds."""
    if kind == "aten::div":
        return _ROUNDED.get(rest[0]) if rest else None
    return _ON_INTEGERS.get(kind) if rest in ([], [1]) else None


def _constant(value: Any, create: Callable[[str, list[Any]], Any]) -> Any:
    known = value.toIValue()
    if not isinstance(known, torch.Tensor) or known.dim() or known.is_floating_point() or known.is_meta:
        return None
    return create("constant", [int(known)])
