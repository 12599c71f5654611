"""Calls of operators that this machine may have no kernel for: an operator, its arguments, and plain code beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from convinspect.fields import FieldTracker
from tests.fields.oracle import claimed, true_hulls

# What a schema asks for and a case does not say.
_BLANK = {"int": 0, "float": 0.0, "bool": False, "str": "none", "number": 1.0}


Arguments = Callable[[Tensor], dict[str, Any]]
Plain = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Case:
    """Operators that compute what ``plain`` does of an input ``x`` which is followed along ``axes``.

    ``arguments`` are theirs by name; each operator takes those that it has. ``status``: the field may be larger than
    the truth where it says so.
    """

    operators: str
    x: Tensor
    axes: tuple[int, ...]
    plain: Plain
    arguments: Arguments
    status: str = ""

    @property
    def names(self) -> list[str]:
        """Qualified names of the operators."""
        return [name if "." in name else f"aten.{name}" for name in self.operators.split()]


def as_input(x: Tensor) -> dict[str, Any]:
    return dict.fromkeys(("self", "input", "X", "qx", "qa", "inp"), x)


def operator(name: str, given: Mapping[str, Any]) -> Any:
    """Return the overload of the operator ``name`` that takes most of what is ``given``; ``None``: there is none."""
    library, kernel = name.split(".")
    packet = getattr(getattr(torch.ops, library), kernel, None)
    overloads = [getattr(packet, one) for one in packet.overloads() if one != "out"] if packet else []
    return max(overloads, key=lambda one: len(_names(one) & set(given)), default=None)


def follow_call(case: Case, name: str) -> tuple[Tensor, FieldTracker]:
    """Follow the one call of ``name``, whose result is that of the plain code."""
    given, out = dict(case.arguments(case.x)), case.plain(case.x)
    func = operator(name, given)
    if "out" in _names(func):
        given["out"] = out
    args, kwargs = [], {}
    for argument in func._schema.arguments:  # noqa: SLF001 - torch has no other name for it
        value = given[argument.name] if argument.name in given else _default(argument)
        if argument.kwarg_only:
            kwargs[argument.name] = value
        else:
            args.append(value)
    tracker = FieldTracker()
    tracker.seed(case.x, "x", case.axes)
    tracker.observe(func, args, kwargs, torch.empty(0) if "out" in _names(func) else out, "")
    return out, tracker


def assert_truth(case: Case, name: str) -> None:
    """Assert that the field of the call's result is what NaN in the plain code's input becomes."""
    out, tracker = follow_call(case, name)
    assert not tracker.unknown_ops, (tracker.unknown_ops, tracker.faults)
    told = tracker.describe(out)
    assert told is not None
    assert told.status in ((case.status,) if case.status else ("exact", "global"))
    truth = true_hulls(case.plain, case.x, case.axes)
    for axis, mine, real in zip(case.axes, claimed(tracker, out), truth, strict=True):
        if case.status:
            assert (mine.lo <= real.lo).all(), axis
            assert (mine.hi >= real.hi).all(), axis
        else:
            assert (mine.lo == real.lo).all(), f"axis {axis}\n{mine.lo}\n{real.lo}"
            assert (mine.hi == real.hi).all(), f"axis {axis}\n{mine.hi}\n{real.hi}"


def _names(func: Any) -> set[str]:
    return {argument.name for argument in func._schema.arguments}  # noqa: SLF001 - as above


def _default(argument: Any) -> Any:
    kind = str(argument.type)
    if argument.has_default_value() or kind.startswith("Optional"):
        return argument.default_value
    return [] if kind.startswith("List") else _BLANK.get(kind, torch.zeros(()))
