"""Where a model runs, checked against what this machine has."""

from __future__ import annotations

import torch

from convinspect.errors import UsageError
from convinspect.parsing import parse_device


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
