"""The modules and tensors that a model has registered, read from where torch keeps them.

A user's class may give ``modules``, ``parameters`` or ``children`` another meaning: none of its methods is asked.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import torch
from torch import nn

from convinspect.errors import ModelError
from convinspect.torch_private import children_of, registries

# What torch's own walks and the caller's frames need of Python's limit beside one call a level.
_FRAMES = 100
_TORCHS_HASH: Any = nn.Module.__hash__


def is_scripted(module: Any) -> bool:
    """Tell a module that TorchScript runs."""
    return issubclass(type(module), torch.jit.ScriptModule)


def named_modules(model: nn.Module) -> list[tuple[str, nn.Module]]:
    """Return ``model`` and each module below it once, with the first dotted path that it goes by, parents first.

    Raises `ModelError` where torch itself cannot walk it: a module without a registry or a hash, one that holds
    itself, or more levels than Python allows.
    """
    if is_scripted(model):
        return list(model.named_modules())
    found: dict[int, tuple[str, nn.Module]] = {}
    above: dict[int, tuple[str, nn.Module]] = {}  # what the walk stands in, by the ids of the modules
    deepest = sys.getrecursionlimit() - _FRAMES
    pending = [(0, "", "", model)]
    while pending:
        level, path, name, module = pending.pop()
        while len(above) > level:
            above.popitem()
        key = id(module)
        usual = "_modules" in vars(module) and type(module).__hash__ is _TORCHS_HASH
        if not usual or key in above or level > deepest:
            _check(module, name, above)
        if key not in found:
            found[key] = (path, module)
            children = children_of(module)
            if children:
                above[key] = (name, module)
                start = f"{path}." if path else ""
                pending += [
                    (level + 1, start + name, name, child)
                    for name, child in reversed(children.items())
                    if child is not None
                ]
    return list(found.values())


def registered_modules(model: nn.Module) -> list[nn.Module]:
    """Return ``model`` and each module below it once, parents first; raises as `named_modules`."""
    return [module for _, module in named_modules(model)]


def registered_parameters(model: nn.Module) -> list[Any]:
    """Return the parameters of all modules of ``model``, each once."""
    return _registered(model)[0]


def registered_buffers(model: nn.Module) -> list[Any]:
    """Return the buffers of all modules of ``model``, each once."""
    return _registered(model)[1]


def registered_tensors(model: nn.Module) -> list[torch.Tensor]:
    """Return the parameters of all modules of ``model``, then their buffers, each once."""
    parameters, buffers = _registered(model)
    return [*parameters, *buffers]


def own_tensors(module: nn.Module) -> tuple[list[tuple[str, torch.Tensor]], list[tuple[str, torch.Tensor]]]:
    """Return the parameters and the buffers of ``module`` itself, by name; what is tied, once a name."""
    parameters, buffers = (
        [(name, tensor) for name, tensor in registry.items() if tensor is not None]
        for registry in _own_registries(module)
    )
    return parameters, buffers


def _own_registries(module: nn.Module) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return the parameters and the buffers of ``module`` itself, and ``None`` where it has a name without one."""
    if is_scripted(module):
        parameters = module.named_parameters(recurse=False, remove_duplicate=False)
        return dict(parameters), dict(module.named_buffers(recurse=False, remove_duplicate=False))
    return registries(module)


def set_training(model: nn.Module, *, mode: bool) -> None:
    """Put ``model`` into training mode or out of it, by its own ``train`` where that is torch's or does the same."""
    with suppress(Exception):  # a `train` of the user's own may be anything: a loop over data, a number
        model.train(mode)
    if vars(model).get("training", mode) is not mode:
        for module in registered_modules(model):
            module.training = mode


def _registered(model: nn.Module) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    found: tuple[dict[int, torch.Tensor], dict[int, torch.Tensor]] = ({}, {})
    for module in registered_modules(model):
        for kind, registry in zip(found, _own_registries(module), strict=True):
            if registry:
                kind.update((id(tensor), tensor) for tensor in registry.values() if tensor is not None)
    parameters, buffers = (list(kind.values()) for kind in found)
    return parameters, buffers


def _check(module: nn.Module, name: str, above: dict[int, tuple[str, nn.Module]]) -> None:
    limit = sys.getrecursionlimit()
    # A module that was traced in this process keeps its registries in another one.
    if "_modules" not in vars(module) and not is_scripted(module):
        raise ModelError(f"{_place(module, name, above)}: its __init__ does not call super().__init__()")
    if id(module) in above:
        model = next(iter(above.values()))[1]
        again = "the model itself" if module is model else "a module that it stands in"
        hint = "keep what is no part of it out of the registry: self.parent = (parent,)"
        message = f"{_place(module, name, above)} is {again}: torch cannot walk modules in a circle"
        raise ModelError(message, hint)
    if len(above) > limit - _FRAMES:
        message = f"its modules lie more than {limit - _FRAMES:,} deep in each other: Python's limit is {limit:,} calls"
        raise ModelError(message, "sys.setrecursionlimit in the model's file raises the limit")
    try:
        hash(module)
    except Exception as error:
        hint = "a class with an __eq__ of its own needs one: __hash__ = torch.nn.Module.__hash__"
        message = f"{_place(module, name, above)} cannot be hashed, and torch keeps modules in sets"
        raise ModelError(message, hint) from error


def _place(module: nn.Module, name: str, above: dict[int, tuple[str, nn.Module]]) -> str:
    path = ".".join([*(name for name, _ in list(above.values())[1:]), name])
    return f"{path} ({type(module).__name__})" if path else type(module).__name__
