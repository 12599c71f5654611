"""Arithmetic on sizes in a traced graph, as integers again: the tracer wrote ``x.shape[2] // 2`` with tensors."""

from __future__ import annotations

from typing import Any

import torch

from convinspect.frontends.torchscript.graphs import constant_before, put_before
from convinspect.torch_private import graph_type

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
    number = _integer(graph, node, next(node.inputs()))
    if number is None:
        return False
    node.output().replaceAllUsesWith(number)
    node.destroy()
    return True


def _integer(graph: Any, place: Any, value: Any) -> Any:
    """Return an integer equal to the tensor ``value``, made before ``place``; ``None`` where it has other sources."""
    if value.type().kind() == "IntType":
        return value
    node = value.node()
    kind = node.kind()
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
