"""A tensor on another device, where it can be."""

from __future__ import annotations

import torch


def on_device(tensor: torch.Tensor, device: str | torch.device, dtype: torch.dtype | None = None) -> torch.Tensor:
    """Return ``tensor`` on ``device``; a sparse one stays off meta: how many elements it holds is a value."""
    stays = tensor.layout is not torch.strided and torch.device(device).type == "meta"
    return tensor.to(tensor.device if stays else device, dtype)
