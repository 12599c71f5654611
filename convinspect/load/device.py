"""Where a model runs, checked against what this machine has, and the floating dtype that it runs in."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn

from convinspect.errors import UsageError
from convinspect.spec import parse_device


def resolve_device(name: str) -> str:
    """Return the torch device of ``auto``, ``cpu``, ``cuda[:N]`` or ``meta``; auto is cuda where there is one."""
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if parse_device(name) in ("cpu", "meta"):
        return name
    if name == "mps":
        if not torch.backends.mps.is_available():
            raise UsageError("--device mps: this machine has no usable Metal device", "try --device cpu or meta")
        return name
    if not torch.cuda.is_available():
        raise UsageError(f"--device {name}: this machine has no usable CUDA device", "try --device cpu or meta")
    index = int(name.partition(":")[2] or 0)
    if index >= torch.cuda.device_count():
        raise UsageError(f"--device {name}: there are {torch.cuda.device_count()} CUDA devices, counted from 0")
    return name


def floating_dtype(model: nn.Module) -> str:
    """Return the dtype of the first floating parameter that arithmetic is done in; float32 where there is none."""
    dtypes = (p.dtype for p in (*model.parameters(), *model.buffers()) if p.is_floating_point() and p.itemsize > 1)
    return str(next(dtypes, torch.float32)).removeprefix("torch.")


def copy_to(model: nn.Module, device: str) -> nn.Module:
    """Return a copy of ``model`` on ``device``; to meta it takes no memory however large the model is.

    The weights are moved before the copy is made, and so stay tied: `nn.Module.to` unties them on the way to meta.
    """
    # Tensors that a module computed and kept (a pruned or normalised weight) are no leaves: they cannot be deep-copied.
    kept = (value for module in model.modules() for value in vars(module).values() if isinstance(value, torch.Tensor))
    moved: dict[int, Any] = {id(tensor): tensor.detach().to(device) for tensor in kept}
    for parameter in model.parameters():
        moved[id(parameter)] = nn.Parameter(parameter.detach().to(device), requires_grad=parameter.requires_grad)
    for buffer in model.buffers():
        moved[id(buffer)] = buffer.detach().to(device)
    return copy.deepcopy(model, moved).to(torch.device(device))
