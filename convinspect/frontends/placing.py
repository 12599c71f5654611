"""A model of Python code moved to another device or dtype, or copied there, without its own methods being asked."""

from __future__ import annotations

import copy
from collections.abc import Callable
from inspect import signature
from types import ModuleType
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from convinspect.errors import ModelError
from convinspect.tensors.registered import registered_modules, registered_tensors
from convinspect.torch_private import applying
from convinspect.users_code import running_users_code


def place(model: nn.Module, device: str, dtype: torch.dtype | None = None) -> nn.Module:
    """Return ``model`` on ``device`` and, where one is given, in ``dtype``; on meta it may be a copy.

    Raises `ModelError` where its weights have no values to move, and for what the user's code raises.
    """
    _check_values(model, device)
    if device == "meta" and not all(tensor.is_meta for tensor in _tensors_of(model)):
        model = copy_to(model, device)
    if device in ("cpu", "meta") and dtype is None and all(t.device.type == device for t in registered_tensors(model)):
        return model
    return _moved(model, device, dtype)


def copy_to(model: nn.Module, device: str) -> nn.Module:
    """Return a copy of ``model`` on ``device``; to meta it takes no memory however large the model is.

    The weights are moved before the copy is made, and so stay tied: `nn.Module.to` unties them on the way to meta.
    """
    _check_values(model, device)
    moved: dict[int, Any] = {}
    # Tensors that a module computed and kept (a pruned or normalised weight) are no leaves: they cannot be deep-copied.
    for tensor in _tensors_of(model):
        if not is_lazy(tensor):
            there = on_device(tensor.detach(), device)
            is_parameter = isinstance(tensor, nn.Parameter)
            moved[id(tensor)] = nn.Parameter(there, requires_grad=tensor.requires_grad) if is_parameter else there
    return _moved(copied(model, moved), device)


def copied(model: nn.Module, instead: dict[int, Any]) -> nn.Module:
    """Return a deep copy of ``model``, with others ``instead`` of some objects by their id; Python's modules stay."""
    values = (value for module in registered_modules(model) for value in vars(module).values())
    stay = {id(value): value for value in values if isinstance(value, ModuleType)}
    with running_users_code(f"copying {type(model).__name__}"):
        return copy.deepcopy(model, stay | instead)


def _tensors_of(model: nn.Module) -> list[torch.Tensor]:
    """Return what ``model`` has registered, and the tensors that its modules keep as plain attributes."""
    values = (value for module in registered_modules(model) for value in vars(module).values())
    return [*registered_tensors(model), *(value for value in values if issubclass(type(value), torch.Tensor))]


def _check_values(model: nn.Module, device: str) -> None:
    if device != "meta" and any(tensor.is_meta for tensor in registered_tensors(model)):
        raise ModelError("its weights are on the meta device and have no values", "try --device meta")


def _moved(model: nn.Module, device: str, dtype: torch.dtype | None = None) -> nn.Module:
    where = torch.device(device)

    def convert(tensor: torch.Tensor) -> torch.Tensor:
        return on_device(tensor, where, dtype if tensor.is_floating_point() or tensor.is_complex() else None)

    with running_users_code(f"moving {type(model).__name__} to {device}"):
        own = type(model).to
        # A class with a `to` of its own may keep more there than it has registered.
        if where.type not in ("cpu", "meta") and own is not nn.Module.to and _takes_one(own, model):
            own(model, where)
        for module in registered_modules(model):
            apply = applying(module)
            if "recurse" in signature(apply).parameters:
                apply(module, convert, recurse=False)
            else:
                apply(module, convert)
    return model


def _takes_one(method: Callable[..., Any], model: nn.Module) -> bool:
    try:
        signature(method).bind(model, None)
    except (TypeError, ValueError):
        return False
    return True


def on_device(tensor: torch.Tensor, device: str | torch.device, dtype: torch.dtype | None = None) -> torch.Tensor:
    """Return ``tensor`` on ``device``; a sparse one stays off meta: how many elements it holds is a value."""
    stays = tensor.layout is not torch.strided and torch.device(device).type == "meta"
    return tensor.to(tensor.device if stays else device, dtype)
