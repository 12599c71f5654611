"""Operators that take functions, run as what they stand for: a branch, a loop, the products of attention."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from convinspect.torch_private import higher_order_operator


class Branches:
    """What conditions said during a run, in order."""

    def __init__(self) -> None:
        self.taken: list[bool] = []


@contextmanager
def opened_up() -> Iterator[Branches]:
    """Run the block with the operators inside ``torch.cond``, ``while_loop``, ``scan``, ``map`` and flex attention.

    Of two branches the one that the values choose is run; the compiler, which these call, is left out.
    """
    branches = Branches()
    plain: dict[str, Callable[..., Any]] = {**_PLAIN, "cond": lambda *args, **kwargs: _cond(branches, *args, **kwargs)}
    compiler, kind = torch.compile, higher_order_operator()
    call = kind.__call__

    def opened(operator: Any, /, *args: Any, **kwargs: Any) -> Any:
        return plain.get(operator.name(), lambda *a, **k: call(operator, *a, **k))(*args, **kwargs)

    torch.compile = _uncompiled
    kind.__call__ = opened
    try:
        yield branches
    finally:
        torch.compile, kind.__call__ = compiler, call


def _uncompiled(model: Any = None, **_options: Any) -> Any:
    return (lambda function: function) if model is None else model


def _cond(branches: Branches, condition: Any, if_true: Any, if_false: Any, operands: Any = (), **_options: Any) -> Any:
    taken = bool(condition)
    branches.taken.append(taken)
    return (if_true if taken else if_false)(*operands)


def _while_loop(condition: Any, body: Any, carried: Any, additional: Any = (), **_options: Any) -> Any:
    values = tuple(carried)
    while bool(condition(*values, *additional)):
        values = tuple(body(*values, *additional))
    return values


def _scan(combine: Any, init: Any, xs: Any, additional: Any = (), **_options: Any) -> Any:
    carry, steps = tuple(init), []
    for parts in zip(*xs, strict=True):
        out = tuple(combine(*carry, *parts, *additional))
        carry = out[: len(carry)]
        steps.append(out[len(carry) :])
    return (*carry, *map(torch.stack, zip(*steps, strict=True)))


def _map(function: Any, xs: Any, additional: Any = (), **_options: Any) -> Any:
    steps = [function(*parts, *additional) for parts in zip(*xs, strict=True)]
    if isinstance(steps[0], torch.Tensor):
        return torch.stack(steps)
    return tuple(map(torch.stack, zip(*steps, strict=True)))


def _flex_attention(*args: Any, **kwargs: Any) -> Any:
    return sys.modules["torch._higher_order_ops.flex_attention"].sdpa_dense(*args, **kwargs)


def _checkpointed(function: Any, *args: Any, **_options: Any) -> Any:
    return function(*args)


def _with_grad(enabled: bool, function: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: FBT001 - as torch calls it
    with torch.set_grad_enabled(enabled):
        return function(*args, **kwargs)


_PLAIN: dict[str, Callable[..., Any]] = {
    "while_loop": _while_loop,
    "scan": _scan,
    "map_impl": _map,
    "flex_attention": _flex_attention,
    "wrap_activation_checkpoint": _checkpointed,
    "tag_activation_checkpoint": _checkpointed,
    "wrap_with_set_grad_enabled": _with_grad,
}
