"""What torch's kernels in Python import only to ask nothing of it, answered without: it takes as long as torch itself.

The algebra of symbols, for sizes that are numbers: while a kernel runs, light modules stand where the real ones would;
what they cannot answer themselves, about a symbol or under another name, the real ones do. And the compiler, which is
asked to leave alone what it never meets.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import torch

from convinspect.torch_private import LEFT_ALONE, compiler_questions, is_compiler_loaded

_SHAPES = "torch.fx.experimental.symbolic_shapes"
_ALGEBRA = "sympy"
_NUMBERS = (bool, int, float)


class _Light(ModuleType):
    """A module that answers for numbers; any other name is looked up in the real one, which then takes its place."""

    def __getattr__(self, name: str) -> Any:
        """Return what the real module has under a name that this one lacks."""
        if name.startswith("__") and (name != "__path__" or self.__name__ != _ALGEBRA):
            raise AttributeError(name)
        return getattr(_real(self), name)


class _Algebra(_Light):
    """Of sympy the class of its expressions, which no number is."""

    @property
    def Basic(self) -> Any:  # noqa: N802 - sympy's name
        """The class of every expression; where nobody has made one, a class without instances."""
        loaded = sys.modules.get(_ALGEBRA)
        return _NoExpression if loaded in (None, self) else getattr(loaded, "Basic")  # noqa: B009 - of another module


class _NoExpression:
    """The class of expressions where there are none."""


def _real(light: ModuleType) -> ModuleType:
    if sys.modules.get(light.__name__) is light:
        del sys.modules[light.__name__]
    return importlib.import_module(light.__name__)  # noqa: TID251 - of sympy


def _of_numbers(name: str, answer: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function ``name`` of the module of shapes: ``answer`` for numbers, the real one for all else."""

    def ask(*values: Any) -> Any:
        if all(map(_is_plain, values)):
            return answer(*values)
        return getattr(_real(_shapes), name)(*values)

    return ask


def _is_plain(value: Any) -> bool:
    if isinstance(value, torch.Tensor):
        return all(map(_is_plain, value.shape))
    if isinstance(value, (tuple, list)):
        return all(map(_is_plain, value))
    return type(value) in _NUMBERS


_ANSWERS: dict[str, Callable[..., Any]] = {
    **dict.fromkeys(("expect_true", "guard_or_true", "guard_or_false", "guard_bool", "guard_int"), lambda a, *_: a),
    **dict.fromkeys(("statically_known_true", "guard_size_oblivious", "guarding_hint_or_throw"), lambda a: a),
    "has_guarding_hint": lambda _: True,
    "is_nested_int": lambda _: False,
    "free_unbacked_symbols": lambda _: frozenset(),
    "has_free_unbacked_symbols": lambda _: False,
    "sym_and": lambda *values: all(values),
    "sym_or": lambda *values: any(values),
    "sym_eq": lambda a, b: list(a) == list(b) if isinstance(a, (tuple, list)) else a == b,
}
_shapes, _algebra = _Light(_SHAPES), _Algebra(_ALGEBRA)
for _name, _answer in _ANSWERS.items():
    setattr(_shapes, _name, _of_numbers(_name, _answer))


@contextmanager
def light_symbols() -> Iterator[None]:
    """Run a kernel of torch's with the light modules in the place of those that nobody has imported."""
    placed = [light for light in (_shapes, _algebra) if light.__name__ not in sys.modules]
    for light in placed:
        sys.modules[light.__name__] = light
    try:
        yield
    finally:
        for light in placed:
            if sys.modules.get(light.__name__) is light:
                del sys.modules[light.__name__]


@contextmanager
def without_compiler() -> Iterator[None]:
    """Run the block with the compiler's answers given beforehand, unless somebody has imported it.

    Torch imports it only to ask that the Python code of shape functions and optimizers is left alone, and remembers the
    answer on each function: it stands there for as long as the block runs.
    """
    asking = () if is_compiler_loaded() else compiler_questions()
    answered = [function for function in asking if not hasattr(function, LEFT_ALONE)]
    try:
        for function in answered:
            setattr(function, LEFT_ALONE, function)
        yield
    finally:
        for function in answered:
            delattr(function, LEFT_ALONE)
