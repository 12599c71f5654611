"""Where a model runs, checked against what this machine has, and the floating dtype that it runs in."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from convinspect.errors import UsageError


def resolve_device(name: str) -> str:
    """Return the torch device of ``auto``, ``cpu``, ``cuda[:N]`` or ``meta``; auto is cuda where there is one."""
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if name in ("cpu", "meta"):
        return name
    if not re.fullmatch(r"cuda(:\d+)?", name):
        raise UsageError(f"--device {name}: not a device", "known: auto, cpu, cuda, cuda:N, meta")
    if not torch.cuda.is_available():
        raise UsageError(f"--device {name}: this machine has no usable CUDA device", "try --device cpu or meta")
    index = int(name.partition(":")[2] or 0)
    if index >= torch.cuda.device_count():
        raise UsageError(f"--device {name}: there are {torch.cuda.device_count()} CUDA devices, counted from 0")
    return name


def floating_dtype(model: nn.Module) -> str:
    """Return the dtype of the first floating parameter that arithmetic is done in; float32 where there is none."""
    return first_floating((*model.parameters(), *model.buffers()))


def first_floating(tensors: Iterable[torch.Tensor]) -> str:
    """Return the dtype of the first of ``tensors`` that floats and is wide enough for arithmetic; else float32."""
    dtypes = (tensor.dtype for tensor in tensors if tensor.is_floating_point() and tensor.itemsize > 1)
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
