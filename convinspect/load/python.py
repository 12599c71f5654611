"""A model from Python code: import the source, choose the object, build it; or one that is in memory already."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from types import ModuleType
from typing import Any

import torch
from torch import nn

from convinspect.errors import Ask, InspectError, ModelError, UndecidedError, UsageError
from convinspect.frontends import frontend_of
from convinspect.frontends.placing import place
from convinspect.load.arguments import check_arguments, completed, other_way, resolved
from convinspect.load.candidates import is_model
from convinspect.load.choose import Choice, choose
from convinspect.load.device import resolve_device
from convinspect.load.importing import import_source
from convinspect.load.loaded import Loaded
from convinspect.load.without_data import built_without_data
from convinspect.load.without_weights import HINT as NO_WEIGHTS
from convinspect.load.without_weights import missed, wants_weights, without_weights
from convinspect.parsing import parse_target
from convinspect.records import Note
from convinspect.spec import Request, Target
from convinspect.tensors.registered import registered_parameters
from convinspect.users_code import running_users_code


def load_python(request: Request, ask: Ask | None, module: ModuleType | None) -> Loaded:
    """Return the model that a ``.py`` file or an importable module defines, on the request's device.

    The last two are as in `load`.
    """
    device = resolve_device(request.device)
    if module is None:
        with _weights(request):
            module = import_source(request.target, definitions=request.definitions)
    try:
        return _loaded(request, module, device)
    except UndecidedError as error:
        name = ask(error) if ask is not None else None
        if name is None:
            raise
        return _loaded(replace(request, target=parse_target(f"{request.target.source}:{name}")), module, device)


def _loaded(request: Request, module: ModuleType, device: str) -> Loaded:
    choice = choose(module, request.target, request.arguments)
    try:
        with _weights(request):
            model, reasons = _build(choice, request, module, device)
        model = place(model, device, getattr(torch, request.dtype) if request.dtype is not None else None)
    except InspectError as error:
        raise error.within(request.target.text) from error.__cause__
    if choice.unless_empty is not None and not registered_parameters(model):
        raise choice.unless_empty
    notes = tuple(Note("chosen", reason) for reason in ([choice.reason] if choice.reason else []) + reasons)
    frontend = frontend_of(model)
    return Loaded(
        request, frontend, frontend.name, device, frontend.dtype, notes=notes, built_by=choice.value, module=module
    )


@contextmanager
def _weights(request: Request) -> Iterator[None]:
    """Run the block, in which the user's code may load weights, or has none to load where the request says so."""
    with nullcontext() if request.weights else without_weights():
        try:
            yield
        except ModelError as error:
            if request.weights and wants_weights(error.__cause__):
                raise ModelError(error.message, NO_WEIGHTS) from error.__cause__
            kept = None if request.weights else missed(error.__cause__)
            if kept is None:
                raise
            hint = f"--no-weights downloads nothing, and {kept} was not kept from before: build it once without"
            raise ModelError(error.message, hint) from error.__cause__


def _build(choice: Choice, request: Request, module: ModuleType, device: str) -> tuple[nn.Module, list[str]]:
    """Return the model, and what else than the request decided which it is."""
    if is_model(choice.value):
        if request.arguments:
            raise UsageError(f"{choice.name} is an instance: --arg has nothing to build")
        instance: nn.Module = choice.value
        return instance, []
    args, kwargs = resolved(choice.value, request.arguments, module)
    kwargs, built = completed(choice, args, kwargs)
    check_arguments(choice, args, kwargs, module, request.target)
    reasons = [f"{choice.name} is built with {' '.join(f'--arg {one!r}' for one in built)}"] if built else []
    if device == "meta":
        try:
            with built_without_data():
                return _called(choice, args, kwargs, reasons)
        except ModelError as error:
            if wants_weights(error.__cause__):
                raise
            # Constructors that read values which are not known there cannot run on meta: they build for real.
    try:
        return _called(choice, args, kwargs, reasons)
    except ModelError as error:
        other = other_way(choice, module, request.target)
        raise ModelError(error.message, error.hint or (other and f"another way: {other}")) from error.__cause__


def _called(
    choice: Choice, args: tuple[Any, ...], kwargs: dict[str, Any], reasons: list[str]
) -> tuple[nn.Module, list[str]]:
    torch.manual_seed(0)
    said = [*map(_say, args), *(f"{name}={_say(value)}" for name, value in kwargs.items())]
    with running_users_code(f"{choice.name}({', '.join(said)})"):
        model: Any = choice.value(*args, **kwargs)
    kind = type(model).__name__
    if isinstance(model, (tuple, list)) and not is_model(model):  # a model with its loss, its transforms
        model = next(filter(is_model, model), model)
        reasons = [*reasons, f"took the first model of the {kind} that {choice.name} gives"]
    if not is_model(model):
        raise UsageError(f"{choice.name} gave {_with_article(kind)}, not a torch.nn.Module")
    return model, reasons


def _say(value: Any) -> str:
    """Return a value as it was typed; an object by its class, whose own words may be many."""
    plain = isinstance(value, (bool, int, float, str, tuple, list, dict, type(None)))
    return repr(value) if plain else f"@{getattr(value, '__name__', type(value).__name__)}"


def _with_article(noun: str) -> str:
    return f"{'an' if noun[:1].lower() in 'aeio' else 'a'} {noun}"


def adopt(model: Any, device: str | None, request: Request) -> Loaded:
    """Return ``model`` as if it had been loaded for ``request``, its target named after it; with ``device``, a copy.

    Raises `UsageError` for what is not a module or an exported program.
    """
    frontend = frontend_of(model)
    where = frontend.device if device is None else resolve_device(device)
    # Constructors that copy from numpy leave weights behind when a model is built on meta.
    if where != frontend.device or (where == "meta" and not all(tensor.is_meta for tensor in frontend.weights)):
        frontend = frontend.on(where)
    name = frontend.name or "exported"
    return Loaded(replace(request, target=Target(name, name, None)), frontend, name, where, frontend.dtype)
