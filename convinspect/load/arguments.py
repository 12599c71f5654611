"""The arguments of a constructor or factory: values, objects built from names of the target, and configs by parts."""

from __future__ import annotations

import ast
import importlib
import inspect
import typing
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from convinspect.errors import UsageError
from convinspect.load.choose import is_needed, signature_of
from convinspect.spec import Reference
from convinspect.users_code import running_users_code


def resolved(
    function: Any, arguments: Sequence[tuple[str, Any]], module: ModuleType
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the positional and keyword arguments that ``arguments`` are for ``function``.

    A `Reference` is looked up in ``module`` first. ``config.width`` is an argument of what ``config`` is built of: the
    class that its annotation names. Raises `UsageError` for what is not there.
    """
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    parts: dict[str, list[tuple[str, Any]]] = {}
    for name, value in arguments:
        head, dot, rest = name.partition(".")
        found = _referred(value, module) if isinstance(value, Reference) else value
        if not name:
            args.append(found)
        elif dot:
            parts.setdefault(head, []).append((rest, found))
        else:
            kwargs[name] = found
    for head, inner in parts.items():
        kind = class_of(function, head)
        if kind is None:
            hint = f"build it: --arg '{head}=@SomeClass(...)'"
            raise UsageError(f"--arg {head}....: no annotation says which class {head} is of", hint)
        inner_args, inner_kwargs = resolved(kind, inner, module)
        signature = signature_of(kind)
        needed = [one.name for one in signature.parameters.values() if is_needed(one)] if signature else []
        if missing := [name for name in needed[len(inner_args) :] if name not in inner_kwargs]:
            hint = "give them with " + " ".join(f"--arg {head}.{name}=..." for name in missing)
            raise UsageError(f"{head}: {kind.__name__} needs {', '.join(missing)}", hint)
        with running_users_code(f"{head}: {kind.__name__}"):
            kwargs[head] = kind(*inner_args, **inner_kwargs)
    return tuple(args), kwargs


def class_of(function: Any, name: str) -> Any:
    """Return the class that the annotation of the argument ``name`` of ``function`` names, if it names one."""
    where = function.__init__ if inspect.isclass(function) else function
    try:
        kind = typing.get_type_hints(where).get(name)
    except Exception:  # noqa: BLE001 - annotations are the user's own code
        return None
    options = [kind, *typing.get_args(kind)]
    return next((option for option in options if inspect.isclass(option) and option is not type(None)), None)


def _referred(reference: Reference, module: ModuleType) -> Any:
    place = f"--arg ...=@{reference.text}"
    try:
        tree = ast.parse(reference.text, mode="eval").body
    except SyntaxError:
        raise UsageError(f"{place}: not a name or a call", "for example: --arg norm=@torch.nn.BatchNorm2d") from None
    with running_users_code(place):
        return _value(tree, module, place)


def _value(node: ast.expr, module: ModuleType, place: str) -> Any:
    if isinstance(node, ast.Name):
        return _named(node.id, module, place)
    if isinstance(node, ast.Attribute):
        holder = _value(node.value, module, place)
        if not hasattr(holder, node.attr) and isinstance(holder, ModuleType):
            return importlib.import_module(f"{holder.__name__}.{node.attr}")
        return getattr(holder, node.attr)
    if isinstance(node, ast.Call):
        args = [_value(arg, module, place) for arg in node.args]
        kwargs = {keyword.arg: _value(keyword.value, module, place) for keyword in node.keywords if keyword.arg}
        return _value(node.func, module, place)(*args, **kwargs)
    try:
        return ast.literal_eval(node)
    except ValueError:
        raise UsageError(f"{place}: only names, calls and literals are read") from None


def _named(name: str, module: ModuleType, place: str) -> Any:
    if hasattr(module, name):
        return getattr(module, name)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        raise UsageError(f"{place}: no {name} in {module.__name__}, and no module of that name") from None
