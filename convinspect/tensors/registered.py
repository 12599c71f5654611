"""The modules and tensors that a model has registered, read from where torch keeps them.

A user's class may give ``modules``, ``parameters`` or ``children`` another meaning: none of its methods is asked.
"""

from __future__ import annotations

import sys

import torch
from torch import nn

from convinspect.errors import ModelError

# What torch's own walks and the caller's frames need of Python's limit beside one call a level.
_FRAMES = 100


def registered_modules(model: nn.Module) -> list[nn.Module]:
    """Return ``model`` and each module below it once, parents first.

    Raises `ModelError` where torch itself cannot walk it: a module without a registry or a hash, one that holds
    itself, or more levels than Python allows.
    """
    if issubclass(type(model), torch.jit.ScriptModule):
        return list(model.modules())
    found: dict[int, nn.Module] = {}
    above: list[tuple[str, nn.Module]] = []
    pending = [(0, "", model)]
    while pending:
        level, name, module = pending.pop()
        del above[level:]
        _check(module, name, above)
        above.append((name, module))
        if id(module) not in found:
            found[id(module)] = module
            below = reversed(vars(module)["_modules"].items())
            pending.extend((level + 1, name, child) for name, child in below if child is not None)
    return list(found.values())


def registered_tensors(model: nn.Module) -> list[torch.Tensor]:
    """Return the parameters of all modules of ``model``, then their buffers; what is tied, once a place."""
    if issubclass(type(model), torch.jit.ScriptModule):
        return [*model.parameters(), *model.buffers()]
    registries = (vars(m)[kind] for kind in ("_parameters", "_buffers") for m in registered_modules(model))
    return [tensor for registry in registries for tensor in registry.values() if tensor is not None]


def _check(module: nn.Module, name: str, above: list[tuple[str, nn.Module]]) -> None:
    path = ".".join([*(name for name, _ in above[1:]), name])
    place = f"{path} ({type(module).__name__})" if path else type(module).__name__
    limit = sys.getrecursionlimit()
    if "_modules" not in vars(module):
        raise ModelError(f"{place}: its __init__ does not call super().__init__()")
    if any(module is held for _, held in above):
        again = "the model itself" if module is above[0][1] else "a module that it stands in"
        hint = "keep what is no part of it out of the registry: self.parent = (parent,)"
        raise ModelError(f"{place} is {again}: torch cannot walk modules in a circle", hint)
    if len(above) > limit - _FRAMES:
        message = f"its modules lie more than {limit - _FRAMES:,} deep in each other: Python's limit is {limit:,} calls"
        raise ModelError(message, "sys.setrecursionlimit in the model's file raises the limit")
    try:
        hash(module)
    except Exception as error:
        hint = "a class with an __eq__ of its own needs one: __hash__ = torch.nn.Module.__hash__"
        raise ModelError(f"{place} cannot be hashed, and torch keeps modules in sets", hint) from error
