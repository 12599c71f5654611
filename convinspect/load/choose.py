"""Which object of a module is the model: by name, or the one that the file defines."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from types import FunctionType, ModuleType
from typing import Any

from torch import nn

from convinspect.errors import UsageError
from convinspect.spec import Target


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
    instances = {k: v for k, v in vars(module).items() if isinstance(v, nn.Module) and not k.startswith("_")}
    classes = {k: v for k, v in vars(module).items() if _is_model_class(v, module)}
    if len(instances) == 1 and not arguments:
        (name, value), *_ = instances.items()
        return Choice(name, value, f"took {name}, the model instance of the file" if classes else None)
    candidates = classes or {k: v for k, v in vars(module).items() if _is_factory(v, module)}
    if len(candidates) == 1:
        (name, value), *_ = candidates.items()
        return Choice(name, value)
    names = [name for name, _ in arguments]
    ready = {k: v for k, v in candidates.items() if _can_be_built(v, names)}
    if len(ready) == 1:
        (name, value), *_ = ready.items()
        how = f"takes {', '.join(names)} alone" if names else "needs no arguments"
        return Choice(name, value, f"took {name}, the only class here that {how}")
    factories = {k: v for k, v in vars(module).items() if _is_factory(v, module)}
    raise _undecided(target, candidates | instances | factories, names)


def signature_of(value: Any) -> inspect.Signature | None:
    """Return the signature of a class or factory, or ``None`` where Python does not know it."""
    try:
        return inspect.signature(value)
    except (TypeError, ValueError):
        return None


def _named(module: ModuleType, target: Target) -> Any:
    try:
        value = attrgetter(target.attribute or "")(module)
    except AttributeError:
        raise UsageError(f"{target.source}: no {target.attribute}", _found(module)) from None
    if not isinstance(value, nn.Module) and not callable(value):
        kind = type(value).__name__
        raise UsageError(f"{target.text} is a {kind}, not a model, a class or a factory", _found(module))
    return value


def _found(module: ModuleType) -> str | None:
    models = [k for k, v in vars(module).items() if _is_model_class(v, module) or isinstance(v, nn.Module)]
    models += [k for k, v in vars(module).items() if _is_factory(v, module)]
    return f"found {', '.join(models[:12])}" if models else None


def _is_model_class(value: Any, module: ModuleType) -> bool:
    return (
        isinstance(value, type)
        and issubclass(value, nn.Module)
        and value.__module__ == module.__name__
        and not value.__name__.startswith("_")
        and not inspect.isabstract(value)
    )


def _is_factory(value: Any, module: ModuleType) -> bool:
    return (
        isinstance(value, FunctionType)
        and value.__module__ == module.__name__
        and not value.__name__.startswith("_")
        and _returns_model(value)
    )


def _returns_model(function: FunctionType) -> bool:
    """Tell whether the annotation says a model is returned; without one the function is given the benefit."""
    returned = inspect.signature(function).return_annotation
    if returned is inspect.Signature.empty:
        return True
    if isinstance(returned, str):
        returned = function.__globals__.get(returned, nn.Module if returned.endswith("Module") else returned)
    return isinstance(returned, type) and issubclass(returned, nn.Module)


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
    ready = (k for k, v in candidates.items() if isinstance(v, nn.Module) or _can_be_built(v, names))
    example = next(ready, next(iter(candidates)))
    return UsageError(
        f"{target.text}: several models: {listed}",
        f"choose one, for example: {target.source}:{example}",
    )


def _say(name: str, value: Any) -> str:
    if isinstance(value, nn.Module):
        return f"{name} (an instance)"
    signature = signature_of(value)
    plain = signature.replace(return_annotation=inspect.Signature.empty) if signature else "(...)"
    return f"{name}{plain}"
