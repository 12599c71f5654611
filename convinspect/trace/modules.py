"""The registered modules of a model with what they own, each storage counted once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from convinspect.records import ModuleRecord, Weight
from convinspect.tensors.describe import dtype_name, tensor_record
from convinspect.tensors.packed import packed_tensors
from convinspect.trace.frontends.export.model import ExportedModel
from convinspect.trace.memory.timeline import identity


def module_paths(model: nn.Module) -> dict[int, str]:
    """Return the first registered dotted path of every module of ``model``, by ``id``."""
    return {id(module): path for path, module in model.named_modules()}


def canonical_paths(model: nn.Module) -> dict[str, str]:
    """Return for every path in a scripted or exported ``model`` the path that the eager model has for that module.

    A module that is registered under two names is two objects there; what shows that they are one is that they
    have one type and all weights in common. Without weights nothing shows it.
    """
    canonical: dict[str, str] = {}
    first: dict[tuple[Any, ...], str] = {}
    for path, module in model.named_modules():
        parent, _, name = path.rpartition(".")
        if path and canonical[parent] != parent:
            canonical[path] = f"{canonical[parent]}.{name}"
            continue
        weights = (*module.named_parameters(remove_duplicate=False), *module.named_buffers(remove_duplicate=False))
        key = (type_name(module), *((key, identity(tensor)) for key, tensor in weights))
        canonical[path] = first.setdefault(key, path) if weights else path
    return canonical


def type_name(module: nn.Module) -> str:
    """Return the class name that the user knows; of a scripted module the original one."""
    return str(getattr(module, "original_name", None) or type(module).__name__)


def is_container(module: nn.Module) -> bool:
    """Tell whether the module has no forward of its own and so can never be called."""
    if isinstance(module, torch.jit.ScriptModule):
        return type_name(module) in ("ModuleList", "ModuleDict", "ParameterList", "ParameterDict")
    return type(module).forward is nn.Module.forward or isinstance(module, (nn.ModuleList, nn.ModuleDict))


def is_builtin(module: nn.Module) -> bool:
    """Tell whether the module's class is one of torch's own."""
    if isinstance(module, torch.jit.ScriptModule):
        return str(module._c._type().qualified_name()).startswith("__torch__.torch.")  # noqa: SLF001 - no public name
    return type(module).__module__.startswith("torch.")


def module_records(model: nn.Module, used: set[int]) -> tuple[ModuleRecord, ...]:
    """Return every registered module with its own parameters and buffers.

    A tensor that two modules own is counted at the first and marked ``tied_to`` at the others; the same holds
    for two tensors that are one piece of one storage. ``used`` holds the ids of the tensors that the run read.
    """
    counted: dict[tuple[Any, ...], str] = {}
    facts = []
    # Unpacked copies stay until the end: the storage of one that is gone could come again and look tied.
    kept: list[tuple[tuple[str, torch.Tensor], ...]] = []
    for path, module in _registered(model):
        params = _weights(module.named_parameters(recurse=False, remove_duplicate=False), path, counted, used)
        buffers = _weights(module.named_buffers(recurse=False, remove_duplicate=False), path, counted, used)
        unpacked = tuple(packed_tensors(module))
        kept.append(unpacked)
        buffers += _weights(unpacked, path, counted, used)
        leaf = next(module.children(), None) is None
        facts.append(
            ModuleRecord(path, type_name(module), leaf, is_container(module), is_builtin(module), params, buffers)
        )
    return tuple(facts)


def _registered(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    if not isinstance(model, (torch.jit.ScriptModule, ExportedModel)):
        yield from model.named_modules()
        return
    canonical = canonical_paths(model)
    yield from ((path, module) for path, module in model.named_modules() if canonical[path] == path)


def _weights(
    named: Iterable[tuple[str, torch.Tensor]], path: str, counted: dict[tuple[Any, ...], str], used: set[int]
) -> tuple[Weight, ...]:
    weights = []
    for name, tensor in named:
        owner = counted.get(key := identity(tensor))
        counted.setdefault(key, path)
        shaped = not is_lazy(tensor)
        weights.append(
            Weight(
                name=name,
                numel=tensor.numel() if shaped else None,
                dtype=dtype_name(tensor.dtype),
                bytes=tensor_record(tensor).bytes if shaped else 0,
                trainable=tensor.requires_grad,
                tied_to=owner,
                used=id(tensor) in used,
            )
        )
    return tuple(weights)
