"""The registered modules of a model with what they own, each storage counted once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch.nn.parameter import is_lazy

from convinspect.frontends import Frontend
from convinspect.frontends.modules import is_builtin, is_container, packed_tensors, type_name
from convinspect.records import ModuleRecord, Weight
from convinspect.tensors.describe import dtype_name
from convinspect.tensors.identity import element_bytes, plain_parts, same_piece
from convinspect.tensors.registered import own_tensors
from convinspect.torch_private import children_of


def module_records(frontend: Frontend, used: set[int]) -> tuple[ModuleRecord, ...]:
    """Return every registered module with its own parameters and buffers.

    A tensor that two modules own is counted at the first and marked ``tied_to`` at the others; the same holds
    for two tensors that are one piece of one storage. ``used`` holds the ids of the tensors that the run read.
    """
    counted: dict[tuple[Any, ...], str] = {}
    records = []
    # Unpacked copies stay until the end: the storage of one that is gone could come again and look tied.
    kept: list[tuple[tuple[str, torch.Tensor], ...]] = []
    for path, module in frontend.registered():
        kept.append(tuple(packed_tensors(module)))
        parameters, buffers = own_tensors(module)
        records.append(
            ModuleRecord(
                path,
                type_name(module),
                leaf=not any(child is not None for child in children_of(module).values()),
                container=is_container(module),
                builtin=is_builtin(module),
                params=_weights(parameters, path, counted, used),
                buffers=_weights((*buffers, *kept[-1]), path, counted, used),
            )
        )
    return tuple(records)


def _weights(
    named: Iterable[tuple[str, torch.Tensor]], path: str, counted: dict[tuple[Any, ...], str], used: set[int]
) -> tuple[Weight, ...]:
    weights = []
    for name, tensor in named:
        owner = counted.get(key := same_piece(tensor))
        counted.setdefault(key, path)
        shaped = not is_lazy(tensor)
        weights.append(
            Weight(
                name=name,
                numel=tensor.numel() if shaped else None,
                dtype=dtype_name(tensor.dtype),
                bytes=element_bytes(tensor) if shaped else 0,
                parts=_bytes_by_dtype(tensor) if shaped else (),
                trainable=tensor.requires_grad,
                tied_to=owner,
                used=id(tensor) in used,
            )
        )
    return tuple(weights)


def _bytes_by_dtype(tensor: torch.Tensor) -> tuple[tuple[str, int], ...]:
    return tuple((dtype_name(part.dtype), part.numel() * part.element_size()) for part in plain_parts(tensor))
