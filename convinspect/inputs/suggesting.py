"""What a model's layers say of its input: a spec to try, and whether a batch stands in front."""

from __future__ import annotations

import re

import torch
from torch import nn

from convinspect.frontends.modules import type_name
from convinspect.tensors.registered import registered_modules

_CONVOLUTION = re.compile(r"(Lazy)?Conv(Transpose)?([123])d")


def suggestion(model: nn.Module) -> str:
    """Return an example of an input spec that fits the model's first layer."""
    specs = (_first_layer_spec(module) for module in registered_modules(model))
    spec = next((spec for spec in specs if spec is not None), "3,224,224")
    return f"for example: --input {spec}"


def _first_layer_spec(module: nn.Module) -> str | None:
    if isinstance(module, nn.Embedding):
        return f"128:int64:{module.num_embeddings}"
    if isinstance(module, nn.Linear):
        return str(module.in_features)
    if isinstance(module, nn.RNNBase):
        return f"100,{module.input_size}"
    if isinstance(module, (nn.Conv1d, nn.Conv2d, nn.Conv3d)):
        channels = module.in_channels
        spatial = {1: "16000", 2: "28,28" if channels == 1 else "224,224", 3: "16,112,112"}
        return f"{channels},{spatial[len(module.kernel_size)]}"
    return None


def has_batch(model: nn.Module, tensor: torch.Tensor) -> bool:
    """Tell whether the first axis of ``tensor`` counts a batch: convolutions also take inputs without one."""
    # By name, as scripted modules are instances of none of torch's layers.
    kinds = (_CONVOLUTION.fullmatch(type_name(module)) for module in registered_modules(model))
    first = next(filter(None, kinds), None)
    return first is None or tensor.dim() != int(first[3]) + 1
