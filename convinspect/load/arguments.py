"""The arguments of a constructor or factory: those that are given, and what it lacks."""

from __future__ import annotations

import ast
import importlib
import inspect
import typing
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import is_dataclass
from enum import Enum
from types import FunctionType, ModuleType
from typing import Any

import torch
from torch import nn

from convinspect.errors import UsageError
from convinspect.load.choose import Choice, is_needed, signature_of, written
from convinspect.load.examples import arguments_in_use
from convinspect.spec import Reference, Target
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


# What the object is called that holds all settings, and how its class ends.
_SETTINGS = ("config", "cfg", "conf", "args", "params", "hparams", "opt", "options", "settings")


def completed(
    choice: Choice, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return ``kwargs`` with the settings that ``choice`` needs and that can be built from nothing, and their names."""
    built = {}
    for parameter in _missing(choice.value, args, kwargs):
        kind = class_of(choice.value, parameter.name)
        if _is_settings(kind) and not list(_missing(kind)):
            with running_users_code(f"{parameter.name}: {kind.__name__}()"):
                built[parameter.name] = kind()
    return {**kwargs, **built}, tuple(f"{name}=@{type(value).__name__}()" for name, value in built.items())


def check_arguments(
    choice: Choice, args: tuple[Any, ...], kwargs: Mapping[str, Any], module: ModuleType, target: Target
) -> None:
    """Raise `UsageError` where the arguments do not fit the signature, before any of the user's code runs."""
    signature = signature_of(choice.value)
    if signature is None:
        return
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        said = f"{choice.name}{written(signature)}"
        missing = list(_missing(choice.value, args, kwargs))
        if not missing:
            raise UsageError(f"{said}: {error}") from None
        typed = " ".join(_option(choice.value, parameter, module) for parameter in missing)
        needed, given = {one.name for one in missing}, [*[*signature.parameters][: len(args)], *kwargs]
        used = arguments_in_use(module, choice.name, signature, needed, given)
        other = other_way(choice, module, target)
        hint = f"the file itself builds it with {used}" if used else f"give them with {typed}"
        hint += f"; or take {other}" if other else ""
        raise UsageError(f"{said} needs {', '.join(one.name for one in missing)}", hint) from None


def other_way(choice: Choice, module: ModuleType, target: Target) -> str | None:
    """Return a factory that gives the model too, and not its weights, with what it needs, as they are typed."""
    for name in (name for name in choice.others if "pretrained" not in name):
        value: Any = module
        for part in name.split("."):
            value = getattr(value, part)
        needed = " ".join(_option(value, parameter, module) for parameter in _missing(value))
        return f"{target.source}:{name} {needed}".rstrip()
    return None


def _missing(value: Any, args: Collection[Any] = (), kwargs: Collection[str] = ()) -> Iterator[inspect.Parameter]:
    signature = signature_of(value)
    for index, parameter in enumerate(signature.parameters.values() if signature else ()):
        if index >= len(args) and parameter.name not in kwargs and is_needed(parameter):
            yield parameter


def _option(function: Any, parameter: inspect.Parameter, module: ModuleType) -> str:
    """Return what to type for a parameter of ``function``: an object of the file where one of them must be meant."""
    name, kind = parameter.name, class_of(function, parameter.name)
    there = vars(module).get(name)
    if there is not None and not issubclass(type(there), (type, FunctionType, ModuleType)):
        return f"--arg {name}=@{name}"
    if _is_settings(kind):
        return " ".join(f"--arg {name}.{part.name}=..." for part in _missing(kind))
    ends = _SETTINGS if name in _SETTINGS else (name.replace("_", ""),)
    kinds = [kind for kind, value in vars(module).items() if kind.lower().endswith(ends) and _is_settings(value)]
    ready = len(kinds) == 1 and not list(_missing(vars(module)[kinds[0]]))
    return f"--arg '{name}=@{kinds[0]}()'" if ready else f"--arg {name}=..."


def _is_settings(value: Any) -> bool:
    """Tell whether ``value`` is a class of plain objects that hold settings, by its make or its name."""
    if not issubclass(type(value), type) or issubclass(value, (nn.Module, torch.Tensor, Enum, BaseException)):
        return False
    return signature_of(value) is not None and (is_dataclass(value) or value.__name__.lower().endswith(_SETTINGS))
