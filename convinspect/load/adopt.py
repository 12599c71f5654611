"""A model that is in memory already, where it is or as a copy on another device."""

from __future__ import annotations

import copy
import io
from typing import Any

import torch
from torch import nn

from convinspect.errors import UsageError
from convinspect.load.device import copy_to, floating_dtype, resolve_device
from convinspect.load.loaded import Loaded


def adopt(model: Any, device: str | None) -> Loaded:
    """Return ``model`` as if it had been loaded; with ``device``, a copy of it there.

    Raises `UsageError` for what is not a module or an exported program.
    """
    if type(model).__name__ == "ExportedProgram":
        return _adopt_program(model, device)
    if not isinstance(model, nn.Module):
        raise UsageError(f"a {type(model).__name__} is not a torch.nn.Module")
    weights = (*model.parameters(), *model.buffers())
    where = _device_of(weights)
    scripted = isinstance(model, torch.jit.ScriptModule)
    if where == "meta" and not all(tensor.is_meta for tensor in weights):
        # Constructors that copy from numpy leave weights behind when a model is built on meta.
        model = copy_to(model, where)
    if device is not None and (wanted := resolve_device(device)) != where:
        model, where = _scripted_copy(model, wanted) if scripted else copy_to(model, wanted), wanted
    name = str(model.original_name) if scripted else type(model).__name__
    return Loaded(model, name, "torchscript" if scripted else "python", where, floating_dtype(model))


def _adopt_program(program: Any, device: str | None) -> Loaded:
    from convinspect.load.export import floating_dtype_of, moved, name_of  # noqa: PLC0415 - its file needs no export

    where = _device_of(tuple(program.state_dict.values()))
    if device is not None and (wanted := resolve_device(device)) != where:
        mine = copy.copy(program)
        # The caller's program keeps its tensors: on meta they are replaced in these.
        mine._state_dict, mine._constants = dict(program.state_dict), dict(program.constants)  # noqa: SLF001
        program, where = moved(mine, wanted), wanted
    return Loaded(program, name_of(program, "exported"), "export", where, floating_dtype_of(program))


def _scripted_copy(model: Any, device: str) -> Any:
    from convinspect.load.torchscript import quiet  # noqa: PLC0415 - the other loaders do not wait for it

    buffer = io.BytesIO()
    with quiet():
        torch.jit.save(model, buffer)
        buffer.seek(0)
        return torch.jit.load(buffer, map_location=device)


def _device_of(tensors: tuple[torch.Tensor, ...]) -> str:
    """Return the device of the first tensor; meta where any has no values."""
    first = next((tensor.device for tensor in tensors), "cpu")
    return "meta" if any(tensor.is_meta for tensor in tensors) else str(first)
