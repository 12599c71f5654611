"""Nested inputs and the tensors in them: where they are, and the same on another device."""

from __future__ import annotations

from typing import Any

import torch

from convinspect.errors import UsageError


def holds_meta(value: Any) -> bool:
    """Tell whether a tensor without values is among nested tuples, lists and mappings."""
    if isinstance(value, (tuple, list)):
        return any(map(holds_meta, value))
    if isinstance(value, dict):
        return any(map(holds_meta, value.values()))
    return isinstance(value, torch.Tensor) and value.is_meta


def moved(value: Any, device: str, known: dict[int, Any] | None = None) -> Any:
    """Return ``value`` with its tensors on ``device``; a tensor that occurs twice is one tensor there too."""
    known = {} if known is None else known
    if isinstance(value, torch.Tensor):
        if value.is_nested:
            raise UsageError("a nested tensor has no one shape: it cannot be an input")
        if id(value) not in known:
            known[id(value)] = value.detach().to(device)
        return known[id(value)]
    if isinstance(value, (tuple, list)):
        items = [moved(item, device, known) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
    if isinstance(value, dict):
        return {key: moved(item, device, known) for key, item in value.items()}
    return value
