"""How a file itself uses its model, in a test or where it is the program: what to type for the same."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Collection, Iterator
from inspect import Signature
from keyword import kwlist
from types import ModuleType
from typing import Any

from convinspect.load.source import body_of

_PLAIN_TEXT = re.compile(r"[A-Za-z][\w./-]*")
_OF_SHAPE = ("randn", "rand", "zeros", "ones")
_OF_NUMBERS = "randint"


def arguments_in_use(
    module: ModuleType, name: str, signature: Signature, needed: Collection[str], given: Collection[str]
) -> str | None:
    """Return the ``--arg`` options, without those ``given``, for the first call of ``name`` in the file's source.

    `None` where no call gives all that is ``needed``, and all it gives as literals.
    """
    for call in filter(_is_call_of(name), _parts(body_of(module))):
        try:
            bound = signature.bind(*call.args, **{item.arg or "**": item.value for item in call.keywords})
            values = {key: ast.literal_eval(value) for key, value in bound.arguments.items()}
        except (TypeError, ValueError):
            continue
        if values.keys() >= set(needed):
            return " ".join(_typed(key, value) for key, value in values.items() if key not in given)
    return None


def input_in_use(module: ModuleType, name: str) -> str | None:
    """Return the ``--input`` option for the one tensor that is made of a literal shape where ``name`` is used."""
    found = {
        spec
        for scope in _scopes(body_of(module))
        if any(isinstance(part, ast.Name) and part.id == name for part in _parts(scope))
        for spec in map(_spec, _parts(scope))
        if spec is not None
    }
    return f"--input {found.pop()}" if len(found) == 1 else None


def _parts(body: Collection[ast.stmt]) -> Iterator[ast.AST]:
    return (part for node in body for part in ast.walk(node))


def _is_call_of(name: str) -> Any:
    return lambda part: isinstance(part, ast.Call) and isinstance(part.func, ast.Name) and part.func.id == name


def _scopes(body: list[ast.stmt]) -> Iterator[list[ast.stmt]]:
    """Yield what runs together: the body of each function, and what stands in none, without the classes."""
    yield [node for node in body if not isinstance(node, (ast.FunctionDef, ast.ClassDef))]
    yield from (node.body for node in body if isinstance(node, ast.FunctionDef))


def _spec(part: ast.AST) -> str | None:
    """Return ``3,32,32`` for ``torch.randn(2, 3, 32, 32)``, ``32:int64:100`` for ``torch.randint(0, 100, (2, 32))``."""
    made = part.func.attr if isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute) else None
    if not isinstance(part, ast.Call) or made not in (*_OF_SHAPE, _OF_NUMBERS):
        return None
    try:
        values = [ast.literal_eval(value) for value in part.args]
    except ValueError:
        return None
    shape = values[-1] if values and isinstance(values[-1], (tuple, list)) else values
    if len(shape) < 2 or not all(type(size) is int and size > 0 for size in shape):  # noqa: PLR2004 - a batch of something
        return None
    of_numbers = made == _OF_NUMBERS and len(values) > 1
    return ",".join(map(str, shape[1:])) + (f":int64:{values[-2]}" if of_numbers else "")


def _typed(name: str, value: Any) -> str:
    """Return an argument as it is typed in a shell: a text plainly, where it does not read like something else."""
    plain = isinstance(value, str) and _PLAIN_TEXT.fullmatch(value) is not None and value not in kwlist
    return f"--arg {shlex.quote(f'{name}={value if plain else repr(value)}')}"
