"""Which object of a module is the model: by name, or the one that the file defines."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from types import CodeType, FunctionType, ModuleType
from typing import Any

from torch import nn

from convinspect.errors import UsageError
from convinspect.spec import Target
from convinspect.users_code import running_users_code


@dataclass(frozen=True, slots=True)
class Choice:
    """An instance, or a class or factory to call; ``reason`` says why it was taken where that is not plain."""

    name: str
    value: Any
    reason: str | None = None


def choose(module: ModuleType, target: Target, arguments: Sequence[tuple[str, Any]]) -> Choice:
    """Return what ``target`` names in ``module``, or the one model that the module itself defines.

    Raises `UsageError` that lists the candidates where the choice is not plain.
    """
    if target.attribute is not None:
        return Choice(target.attribute, _named(module, target))
    instances, classes, factories = _models_of(module)
    if len(instances) == 1 and not arguments:
        (name, value), *_ = instances.items()
        return Choice(name, value, f"took {name}, the model instance of the file" if classes else None)
    candidates = classes or factories
    if len(candidates) == 1:
        (name, value), *_ = candidates.items()
        return Choice(name, value)
    names = list(dict.fromkeys(name.partition(".")[0] for name, _ in arguments if name))
    ready = {k: v for k, v in candidates.items() if _can_be_built(v, names)}
    whole = {k: v for k, v in candidates.items() if k not in _parts(classes, module)}
    if len(whole) == 1 and whole.keys() != ready.keys():
        (name, value), *_ = whole.items()
        return Choice(name, value, f"took {name}, which the other classes here are parts of")
    if len(ready) == 1:
        (name, value), *_ = ready.items()
        how = f"takes {', '.join(names)} alone" if names else "needs no arguments"
        return Choice(name, value, f"took {name}, the only class here that {how}")
    raise _undecided(target, candidates | instances | factories, names)


def is_model(value: Any) -> bool:
    """Tell whether ``value`` is a module, by its type: other objects' ``__class__`` may run code, and lie."""
    return issubclass(type(value), nn.Module)


def signature_of(value: Any) -> inspect.Signature | None:
    """Return the signature of a class or factory, or ``None`` where Python does not know it."""
    try:
        return inspect.signature(value)
    except Exception:  # noqa: BLE001 - a user's class may answer for itself
        return None


def written(signature: inspect.Signature) -> str:
    """Return ``signature`` as it stands in source, or ``(...)`` where a default cannot be written."""
    try:
        return str(signature)
    except Exception:  # noqa: BLE001 - the user's own __repr__
        return "(...)"


def _named(module: ModuleType, target: Target) -> Any:
    with running_users_code(target.text):  # a module or a class may have a __getattr__
        try:
            value = attrgetter(target.attribute or "")(module)
        except AttributeError:
            raise UsageError(f"{target.source}: no {target.attribute}", _found(module)) from None
    if not is_model(value) and not callable(value):
        kind = type(value).__name__
        raise UsageError(f"{target.text} is a {kind}, not a model, a class or a factory", _found(module))
    return value


def _found(module: ModuleType) -> str | None:
    instances, classes, factories = _models_of(module)
    models = [*classes, *instances, *factories]
    return f"found {', '.join(models[:12])}" if models else None


def _models_of(module: ModuleType) -> tuple[dict[str, Any], ...]:
    """Return the instances, the classes and the factories of ``module`` by name."""
    names = dict(vars(module))
    return (
        {k: v for k, v in names.items() if is_model(v) and not k.startswith("_")},
        {k: v for k, v in names.items() if _is_model_class(v, module)},
        {k: v for k, v in names.items() if _is_factory(v, module)},
    )


def _is_model_class(value: Any, module: ModuleType) -> bool:
    return (
        issubclass(type(value), type)
        and issubclass(value, nn.Module)
        and value.__module__ == module.__name__
        and not value.__name__.startswith("_")
        and not inspect.isabstract(value)
    )


def _is_factory(value: Any, module: ModuleType) -> bool:
    return (
        type(value) is FunctionType
        and value.__module__ == module.__name__
        and not value.__name__.startswith("_")
        and _returns_model(value)
    )


def _returns_model(function: FunctionType) -> bool:
    """Tell whether the annotation says a model is returned; without one the function is given the benefit."""
    signature = signature_of(function)
    returned = signature.return_annotation if signature else inspect.Signature.empty
    if returned is inspect.Signature.empty:
        return True
    if type(returned) is str:
        returned = function.__globals__.get(returned, nn.Module if returned.endswith("Module") else returned)
    return issubclass(type(returned), type) and issubclass(returned, nn.Module)


def _parts(classes: Mapping[str, type], module: ModuleType) -> set[str]:
    """Return the names of the classes that another one builds, itself or through functions of the file."""
    return {
        used for name, value in classes.items() for used in classes.keys() & _names_in(value, module) if used != name
    }


def _names_in(value: type, module: ModuleType) -> set[str]:
    """Return the names that the methods of a class use, and those that the file's functions among them use."""
    names: set[str] = set()
    pending = [method.__code__ for method in vars(value).values() if type(method) is FunctionType]
    while pending:
        code = pending.pop()
        called = [vars(module).get(name) for name in code.co_names if name not in names]
        pending += [function.__code__ for function in called if type(function) is FunctionType]
        pending += [inner for inner in code.co_consts if type(inner) is CodeType]
        names.update(code.co_names)
    return names


def _can_be_built(value: Any, names: Sequence[str]) -> bool:
    signature = signature_of(value)
    if signature is None:
        return False
    try:
        signature.bind(**dict.fromkeys(names))
    except TypeError:
        return False
    return True


def _undecided(target: Target, candidates: dict[str, Any], names: Sequence[str]) -> UsageError:
    if not candidates:
        return UsageError(
            f"{target.text}: defines no torch.nn.Module",
            "a class, a module-level instance or a factory function can be inspected",
        )
    listed = ", ".join(_say(name, value) for name, value in candidates.items())
    ready = (k for k, v in candidates.items() if is_model(v) or _can_be_built(v, names))
    example = next(ready, next(iter(candidates)))
    return UsageError(
        f"{target.text}: several models: {listed}",
        f"choose one, for example: {target.source}:{example}",
    )


def _say(name: str, value: Any) -> str:
    if is_model(value):
        return f"{name} (an instance)"
    signature = signature_of(value)
    return f"{name}{written(signature.replace(return_annotation=signature.empty)) if signature else '(...)'}"
