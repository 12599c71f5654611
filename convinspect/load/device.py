"""Where a model runs, checked against what this machine has."""

from __future__ import annotations

import re

import torch

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
