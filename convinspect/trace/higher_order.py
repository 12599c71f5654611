"""Operators that take functions, run as what they stand for: a branch, a loop, the products of attention."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any, TypeAlias

import torch

from convinspect.torch_private import higher_order_operator, is_batched, pytree

# On values that it is not meant for, a loop may never end.
_MOST_TURNS = 1000

# Is told what a condition chose, what that branch gave, and what runs the other one.
Chosen: TypeAlias = Callable[[bool, Any, Callable[[], Any]], None]


@contextmanager
def opened_up(chosen: Chosen | None = None) -> Iterator[None]:
    """Run the block with the operators inside ``torch.cond``, ``while_loop``, ``scan``, ``map`` and flex attention.

    Of two branches the one that the values choose is run, and then ``chosen`` is called; the compiler, which these
    call, is left out.
    """
    conditions, compiler = _Conditions(chosen), torch.compile
    plain: dict[str, Callable[..., Any]] = {**_PLAIN, "cond": conditions.cond, "while_loop": conditions.while_loop}
    with ExitStack() as stack:
        stack.callback(setattr, torch, "compile", compiler)
        torch.compile = _uncompiled
        for name, function in plain.items():
            stack.enter_context(higher_order_operator(name, function))
        yield


def _uncompiled(model: Any = None, **_options: Any) -> Any:
    return (lambda function: function) if model is None else model


class _Conditions:
    """Branches and loops that values decide; ``chosen`` as in `opened_up`."""

    def __init__(self, chosen: Chosen | None) -> None:
        self._chosen = chosen
        self._in_others = 0

    def cond(self, condition: Any, if_true: Any, if_false: Any, operands: Any = (), **_options: Any) -> Any:
        if is_batched(condition):  # both are run, and each sample takes its own
            return pytree.tree_map(partial(torch.where, condition), if_true(*operands), if_false(*operands))
        taken = bool(condition)
        branch, other = (if_true, if_false) if taken else (if_false, if_true)
        given = {id(tensor) for tensor in pytree.tree_leaves(operands)}
        # What it gives is never what it was given.
        out = pytree.tree_map(lambda value: value.clone() if id(value) in given else value, branch(*operands))
        if self._chosen is not None:
            self._chosen(taken, out, lambda: self._run_other(other, operands))
        return out

    def while_loop(self, condition: Any, body: Any, carried: Any, additional: Any = (), **_options: Any) -> Any:
        out: Any = tuple(carried)
        values, turns = out, 0
        while bool(condition(*values, *additional)):
            turns += 1
            if self._in_others and turns > _MOST_TURNS:
                raise RuntimeError(f"a loop of more than {_MOST_TURNS:,} turns")
            out = body(*values, *additional)
            values = pytree.tree_leaves(out)
        return out

    def _run_other(self, branch: Any, operands: Any) -> Any:
        self._in_others += 1
        try:
            return branch(*operands)
        finally:
            self._in_others -= 1


def _scan(combine: Any, init: Any, xs: Any, additional: Any = (), **_options: Any) -> Any:
    carry, steps, out = list(init), [], None
    for parts in zip(*xs, strict=True):
        out = combine(*carry, *parts, *additional)
        leaves = pytree.tree_leaves(out)
        carry = leaves[: len(carry)]
        steps.append(leaves[len(carry) :])
    stacked = map(torch.stack, zip(*steps, strict=True))
    return pytree.tree_unflatten([*carry, *stacked], pytree.tree_structure(out))


def _map(function: Any, xs: Any, additional: Any = (), **_options: Any) -> Any:
    steps = [function(*parts, *additional) for parts in zip(*xs, strict=True)]
    return pytree.tree_map(lambda *values: torch.stack(values), *steps)


def _flex_attention(*args: Any, **kwargs: Any) -> Any:
    return sys.modules["torch._higher_order_ops.flex_attention"].sdpa_dense(*args, **kwargs)


def _checkpointed(function: Any, *args: Any, **_options: Any) -> Any:
    return function(*args)


def _with_grad(enabled: bool, function: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: FBT001 - as torch calls it
    with torch.set_grad_enabled(enabled):
        return function(*args, **kwargs)


_PLAIN: dict[str, Callable[..., Any]] = {
    "scan": _scan,
    "map_impl": _map,
    "flex_attention": _flex_attention,
    "wrap_activation_checkpoint": _checkpointed,
    "tag_activation_checkpoint": _checkpointed,
    "wrap_with_set_grad_enabled": _with_grad,
}
