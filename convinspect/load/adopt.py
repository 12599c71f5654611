"""A model that is in memory already, where it is or as a copy on another device."""

from __future__ import annotations

from typing import Any

from torch import nn

from convinspect.errors import UsageError
from convinspect.load.device import copy_to, floating_dtype, resolve_device
from convinspect.load.loaded import Loaded


def adopt(model: Any, device: str | None) -> Loaded:
    """Return ``model`` as if it had been loaded; with ``device``, a copy of it there.

    Raises `UsageError` for what is not a module.
    """
    if not isinstance(model, nn.Module):
        raise UsageError(f"a {type(model).__name__} is not a torch.nn.Module")
    where = _device_of(model)
    if device is not None and (wanted := resolve_device(device)) != where:
        model, where = copy_to(model, wanted), wanted
    return Loaded(model, type(model).__name__, "python", where, floating_dtype(model))


def _device_of(model: nn.Module) -> str:
    return str(next((t.device for t in (*model.parameters(), *model.buffers())), "cpu"))
