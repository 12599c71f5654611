"""An exported program as a tree of modules: the names that it remembers, with its weights."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import torch
from torch import nn

from convinspect.trace.memory.timeline import identity

_UNKNOWN = "torch.nn.modules.module.Module"
# Nothing that a user's weight could be called.
_PROGRAM = "exported program"
# Registered, and never called: its weights go into an operator of the module above it.
_NEVER_CALLED = {"MultiheadAttention": {"out_proj": "torch.nn.modules.linear.NonDynamicallyQuantizableLinear"}}


class ExportedModel(nn.Module):
    """The registered modules of an exported program; their classes are empty ones with the original names.

    The program keeps the class of a module only where an operator ran in it: others are plain ``Module``.
    """


def program_of(model: ExportedModel) -> Any:
    """Return the program that ``model`` was made from."""
    return model.__dict__[_PROGRAM]


def weight_of(model: ExportedModel, name: str) -> torch.Tensor | None:
    """Return the parameter or buffer of this dotted name as it is registered now, or ``None``."""
    path, _, last = name.rpartition(".")
    owner = model.get_submodule(path)
    found = owner._parameters.get(last)  # noqa: SLF001 - a module of ours
    return found if found is not None else owner._buffers.get(last)  # noqa: SLF001


def exported_model(program: Any) -> ExportedModel:
    """Return the modules of ``program``, which keeps its own tensors: they are registered, not copied."""
    kinds = _kinds(program.graph)
    root: ExportedModel = _class(kinds.get("", _UNKNOWN), ExportedModel)()
    root.__dict__[_PROGRAM] = program
    paths = [entry.fqn for entry in program.module_call_graph if entry.fqn and "@" not in entry.fqn]
    for path in dict.fromkeys((*paths, *(path for path in kinds if path))):
        _module_at(root, path, kinds)
    tied: dict[tuple[Any, ...], torch.Tensor] = {}
    for name, tensor, is_parameter in _weights(program):
        path, _, last = name.rpartition(".")
        owner = _module_at(root, path, kinds)
        one = tied.setdefault(identity(tensor), tensor)
        if is_parameter:
            kept = one if isinstance(one, nn.Parameter) else nn.Parameter(one, requires_grad=one.requires_grad)
            owner.register_parameter(last, kept)
        else:
            owner.register_buffer(last, one)
    return root


def is_exported_program(model: Any) -> bool:
    """Tell an exported program without importing ``torch.export``, which takes a second."""
    return type(model).__name__ == "ExportedProgram" and type(model).__module__.startswith("torch.export")


def stack_of(node: Any) -> list[tuple[str, str, str]] | None:
    """Return key, path and class of every module that ``node`` ran in, the model itself first.

    The key differs between two runs of one module. ``None``: the node does not remember.
    """
    stack = node.meta.get("nn_module_stack")
    if not stack:
        return None
    return [(key, _plain(path), _dotted(kind)) for key, (path, kind) in stack.items()]


def _kinds(graph: Any) -> dict[str, str]:
    return {path: kind for node in graph.nodes for _, path, kind in stack_of(node) or ()}


def _plain(path: str) -> str:
    """Return ``layers.0`` for ``L['self'].layers.0`` and ``layers.0@1``."""
    return re.sub(r"@\d+", "", re.sub(r"^L\['self'\]\.?|^L__self__\.?", "", path))


def _dotted(kind: Any) -> str:
    return kind if isinstance(kind, str) else f"{kind.__module__}.{kind.__qualname__}"


def _module_at(root: nn.Module, path: str, kinds: dict[str, str]) -> nn.Module:
    module, here = root, ""
    for name in path.split(".") if path else ():
        here = f"{here}.{name}" if here else name
        if name not in module._modules:  # noqa: SLF001 - a module of ours
            known = kinds.get(here) or _NEVER_CALLED.get(type(module).__name__, {}).get(name, _UNKNOWN)
            module.add_module(name, _class(known, nn.Module)())
        module = module._modules[name]  # type: ignore[assignment] # noqa: SLF001
    return module


@cache
def _class(dotted: str, base: Any) -> Any:
    module, _, name = dotted.rpartition(".")
    return type(name, (base,), {"__module__": module})


def _weights(program: Any) -> Iterator[tuple[str, torch.Tensor, bool]]:
    signature = program.graph_signature
    parameters = set(signature.parameters)
    for name, tensor in program.state_dict.items():
        yield name, tensor, name in parameters or isinstance(tensor, nn.Parameter)
    for name in signature.non_persistent_buffers:
        yield name, program.constants[name], False
