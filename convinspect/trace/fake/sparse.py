"""Operators on sparse tensors, which stay real on the meta device: how many elements they hold is a value.

The dense tensors that they meet are zeros for as long as the operator runs, but for those of whole numbers: places,
which decide how many elements there are. A sparse gradient is made of fake
tensors; torch's meta kernels say what it is made of, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from convinspect.tensors.identity import plain_parts
from convinspect.tensors.operators import mutates, written
from convinspect.torch_private import aten

_QUESTIONS = {aten(name) for name in ("_indices", "_values", "_nnz", "detach", "_coalesced_", "is_coalesced")}


def is_sparse(func: Any, tensors: Sequence[torch.Tensor]) -> bool:
    """Tell whether an operator computes something of a sparse tensor."""
    return any(tensor.layout is not torch.strided for tensor in tensors) and func not in _QUESTIONS


def answer_on_zeros(
    func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], is_fake: Callable[[torch.Tensor], bool]
) -> Any:
    """Return what ``func`` gives with real zeros for the fake tensors among its arguments.

    Those of whole numbers are asked for their values, and may not have any. A fake tensor that it writes into is
    returned as it is, for nothing would be seen of the work.
    """
    targets = list(written(func, args, kwargs)) if mutates(func) else []
    if targets and all(map(is_fake, targets)):
        return targets[0] if len(targets) == 1 else targets

    def real(value: Any) -> Any:
        if isinstance(value, (list, tuple)):
            return type(value)(map(real, value))
        return _zeros(value) if isinstance(value, torch.Tensor) and is_fake(value) else value

    return func(*map(real, args), **{name: real(value) for name, value in kwargs.items()})


def _zeros(fake: torch.Tensor) -> torch.Tensor:
    if fake.layout is torch.strided:
        if fake.dtype.is_floating_point or fake.dtype.is_complex:
            return torch.zeros(fake.shape, dtype=fake.dtype)
        return torch.tensor(fake.tolist(), dtype=fake.dtype).reshape(fake.shape)
    indices, values = (torch.zeros(part.shape, dtype=part.dtype) for part in plain_parts(fake))
    return torch.sparse_coo_tensor(indices, values, fake.shape, check_invariants=False)
