"""What an exported program takes: inputs arranged as it was exported with them, and checked against its dimensions."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from typing import Any

import torch

from convinspect.errors import UsageError
from convinspect.tensors.describe import dtype_name
from convinspect.torch_private import pytree

_FIXED = (bool, int, float, str, type(None))
_HINT = "the program holds for the shapes it was exported with; torch.export.export(..., dynamic_shapes=...) frees them"


def arranged(program: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the inputs as the program was exported with them: which by position, which by name."""
    positional, named = _children(program.call_spec.in_spec)
    count = len(_children(positional))
    names = list(program.module_call_graph[0].signature.forward_arg_names or ())[:count]
    by_position = list(args[:count])
    by_position += [kwargs[name] for name in names[len(by_position) :] if name in kwargs]
    rest = iter(args[count:])
    by_name = {name: kwargs[name] if name in kwargs else next(rest, None) for name in named.context}
    return tuple(by_position), by_name


def check_inputs(program: Any, args: tuple[Any, ...], kwargs: dict[str, Any], names: tuple[str, ...]) -> None:
    """Raise `UsageError` for an input that the program does not hold for, and say which dimension is in the way.

    ``names`` are the report's names of ``args``.
    """
    given, spec = pytree.tree_flatten(arranged(program, args, kwargs))
    # Numbers are inputs, too, and have no name among the signature's own user inputs.
    placeholders = [node for node in program.graph.nodes if node.op == "placeholder"]
    specs = program.graph_signature.input_specs
    wanted = [
        getattr(spec.arg, "value", node.meta.get("val"))
        for node, spec in zip(placeholders, specs, strict=True)
        if spec.kind.name == "USER_INPUT"
    ]
    if len(given) != len(wanted):
        raise UsageError(f"the program takes {len(wanted)} inputs, got {len(given)}")
    if spec != program.call_spec.in_spec:
        raise UsageError("the inputs are not nested as the program was exported with them")
    labels = [*names, *kwargs] if len(names) + len(kwargs) == len(given) else [f"input {i}" for i in range(len(given))]
    bound: dict[Any, int] = {}
    for label, value, example in zip(labels, given, wanted, strict=True):
        _check(label, value, example, program.range_constraints, bound)


def _children(spec: Any) -> list[Any]:
    # A method since torch 2.10, where the attribute warns.
    return list(spec.children() if hasattr(spec, "children") else spec.children_specs)


def _check(label: str, value: Any, example: Any, ranges: Any, bound: dict[Any, int]) -> None:
    if not isinstance(example, torch.Tensor) or not isinstance(value, torch.Tensor):
        # A size that is free is a number of torch's own kind.
        if isinstance(example, torch.Tensor) or (isinstance(example, _FIXED) and not _is(value, example)):
            raise UsageError(f"{label}: the program was exported with {example!r}, got {value!r}", _HINT)
        return
    if value.dtype != example.dtype:
        raise UsageError(f"{label}: the program takes {dtype_name(example.dtype)}, got {dtype_name(value.dtype)}")
    if value.dim() != example.dim():
        raise UsageError(f"{label}: the program takes {example.dim()} dimensions, got {value.dim()}", _HINT)
    for axis, (size, wanted) in enumerate(zip(value.shape, example.shape, strict=True)):
        for reason in _refusals(operator.index(size), wanted, ranges, bound):
            raise UsageError(f"{label}: dimension {axis} {reason}, got {size}", _HINT)


def _is(value: Any, example: Any) -> bool:
    return not isinstance(value, torch.Tensor) and bool(value == example)


def _refusals(size: int, wanted: Any, ranges: Any, bound: dict[Any, int]) -> Iterator[str]:
    """Yield why ``size`` does not fit; ``bound`` holds the symbols that earlier dimensions have fixed."""
    if isinstance(wanted, int):
        if size != wanted:
            yield f"is fixed to {wanted} in the program"
        return
    expression = wanted.node.expr
    if expression.is_Symbol:
        allowed = ranges.get(expression)
        if allowed is not None and not allowed.lower <= size <= allowed.upper:
            upper = f" to {allowed.upper}" if allowed.upper.is_Integer and allowed.upper < 1 << 31 else " or more"
            yield f"is {allowed.lower}{upper} in the program"
        elif bound.setdefault(expression, size) != size:
            yield f"equals another dimension of {bound[expression]} in the program"
    elif expression.is_Integer and int(expression) != size:
        yield f"is fixed to {expression} in the program"
    elif expression.free_symbols <= bound.keys() and int(expression.subs(bound)) != size:
        yield f"is {expression} = {expression.subs(bound)} in the program"
