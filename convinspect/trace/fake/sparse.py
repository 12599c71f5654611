"""Operators on sparse tensors, which stay real on the meta device: how many elements they hold is a value.

The dense tensors that they meet are zeros for as long as the operator runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from convinspect.tensors.operators import mutates, written
from convinspect.torch_private import aten

_FROM_PARTS = {
    aten(name)
    for name in (
        "_sparse_coo_tensor_with_dims_and_tensors",
        "_sparse_compressed_tensor_unsafe",
        "sparse_compressed_tensor",
    )
}


def is_sparse(func: Any, tensors: Sequence[torch.Tensor]) -> bool:
    """Tell whether an operator takes a sparse tensor, or makes one of its parts."""
    return func in _FROM_PARTS or any(tensor.layout is not torch.strided for tensor in tensors)


def answer_on_zeros(func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """Return what ``func`` gives with real zeros for the tensors among ``args`` that have no values.

    What it writes into without values is returned as it is, for nothing would be seen of the work.
    """
    targets = list(written(func, args, dict(kwargs))) if mutates(func) else []
    if targets and all(tensor.is_meta for tensor in targets):
        return targets[0] if len(targets) == 1 else targets
    given = {name: _zeros(value) for name, value in kwargs.items()}
    if "device" in given:
        given["device"] = torch.device("cpu")
    return func(*(_zeros(arg) for arg in args), **given)


def _zeros(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return type(value)(_zeros(item) for item in value)
    if not isinstance(value, torch.Tensor) or not value.is_meta:
        return value
    return torch.zeros(value.shape, dtype=value.dtype)
