"""A model that is in memory already, where it is or as a copy on another device."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn

from convinspect.errors import UsageError
from convinspect.load.device import floating_dtype, resolve_device
from convinspect.load.loaded import Loaded


def adopt(model: Any, device: str | None) -> Loaded:
    """Return ``model`` as if it had been loaded; with ``device``, a copy of it there.

    Raises `UsageError` for what is not a module.
    """
    if not isinstance(model, nn.Module):
        raise UsageError(f"a {type(model).__name__} is not a torch.nn.Module")
    where = _device_of(model)
    if device is not None and (wanted := resolve_device(device)) != where:
        model, where = _copied(model, wanted), wanted
    return Loaded(model, type(model).__name__, "python", where, floating_dtype(model))


def _device_of(model: nn.Module) -> str:
    return str(next((t.device for t in (*model.parameters(), *model.buffers())), "cpu"))


def _copied(model: nn.Module, device: str) -> nn.Module:
    """Copy with the weights already moved: a copy to meta takes no memory however large the model is."""
    moved: dict[int, Any] = {}
    for parameter in model.parameters():
        moved[id(parameter)] = nn.Parameter(parameter.detach().to(device), requires_grad=parameter.requires_grad)
    for buffer in model.buffers():
        moved[id(buffer)] = buffer.detach().to(device)
    return copy.deepcopy(model, moved).to(torch.device(device))
