"""A model from Python code: import the source, choose the object, build it where it will run."""

from __future__ import annotations

import inspect
from contextlib import suppress
from types import ModuleType
from typing import Any

import torch
from torch import nn

from convinspect.errors import InspectError, ModelError, UsageError
from convinspect.frontends import frontend_of
from convinspect.frontends.placing import place
from convinspect.load.arguments import resolved
from convinspect.load.choose import Choice, choose, is_model, signature_of, written
from convinspect.load.device import resolve_device
from convinspect.load.importing import import_source
from convinspect.load.loaded import Loaded
from convinspect.load.without_data import built_without_data
from convinspect.records import Note
from convinspect.spec import Request
from convinspect.users_code import running_users_code


def load_python(request: Request) -> Loaded:
    """Return the model that a ``.py`` file or an importable module defines, on the request's device."""
    device = resolve_device(request.device)
    module = import_source(request.target)
    choice = choose(module, request.target, request.arguments)
    try:
        model = _build(choice, request, module, device)
        model = place(model, device, getattr(torch, request.dtype) if request.dtype is not None else None)
    except InspectError as error:
        raise error.within(request.target.text) from error.__cause__
    notes = (Note("chosen", choice.reason),) if choice.reason else ()
    frontend = frontend_of(model)
    return Loaded(request, frontend, frontend.name, device, frontend.dtype, notes=notes)


def _build(choice: Choice, request: Request, module: ModuleType, device: str) -> nn.Module:
    if is_model(choice.value):
        if request.arguments:
            raise UsageError(f"{choice.name} is an instance: --arg has nothing to build")
        instance: nn.Module = choice.value
        return instance
    args, kwargs = resolved(choice.value, request.arguments, module)
    _check_arguments(choice, args, kwargs)
    if device == "meta":
        # Constructors that read values which are not known there cannot run on meta: they build for real.
        with suppress(ModelError), built_without_data():
            return _called(choice, args, kwargs)
    return _called(choice, args, kwargs)


def _called(choice: Choice, args: tuple[Any, ...], kwargs: dict[str, Any]) -> nn.Module:
    torch.manual_seed(0)
    said = [*map(_say, args), *(f"{name}={_say(value)}" for name, value in kwargs.items())]
    with running_users_code(f"{choice.name}({', '.join(said)})"):
        model: nn.Module = choice.value(*args, **kwargs)
    if not is_model(model):
        raise UsageError(f"{choice.name} gave {_with_article(type(model).__name__)}, not a torch.nn.Module")
    return model


def _say(value: Any) -> str:
    """Return a value as it was typed; an object by its class, whose own words may be many."""
    plain = isinstance(value, (bool, int, float, str, tuple, list, dict, type(None)))
    return repr(value) if plain else f"@{getattr(value, '__name__', type(value).__name__)}"


def _check_arguments(choice: Choice, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Raise `UsageError` where the arguments do not fit the signature, before any of the user's code runs."""
    signature = signature_of(choice.value)
    if signature is None:
        return
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        missing = [
            p.name
            for i, p in enumerate(signature.parameters.values())
            if i >= len(args) and p.default is p.empty and p.name not in kwargs and p.kind not in _VARIADIC
        ]
        if missing:
            hint = "give them with " + " ".join(f"--arg {name}=..." for name in missing)
            raise UsageError(f"{choice.name}{written(signature)} needs {', '.join(missing)}", hint) from None
        raise UsageError(f"{choice.name}{written(signature)}: {error}") from None


_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def _with_article(noun: str) -> str:
    return f"{'an' if noun[:1].lower() in 'aeio' else 'a'} {noun}"
