"""The modules of an exported program: the names that its nodes remember, with its weights."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import torch
from torch import fx, nn

from convinspect.tensors.identity import same_piece
from convinspect.torch_private import children_of

# Registered, and never called: its weights go into an operator of the module above it.
_NEVER_CALLED = {"MultiheadAttention": {"out_proj": "torch.nn.modules.linear.NonDynamicallyQuantizableLinear"}}


def module_tree(program: Any, graph: fx.Graph) -> nn.Module:
    """Return the registered modules of ``program``, empty classes with the original names, by its flat ``graph``.

    The program keeps the class of a module only where an operator ran in it: others are plain ``Module``.
    """
    kinds = {path: kind for node in graph.nodes for _, path, kind in stack_of(node) or ()}
    root: nn.Module = _class(kinds.get(""))()
    paths = [entry.fqn for entry in program.module_call_graph if entry.fqn and "@" not in entry.fqn]
    for path in dict.fromkeys((*paths, *(path for path in kinds if path))):
        _module_at(root, path, kinds)
    tied: dict[tuple[Any, ...], torch.Tensor] = {}
    for name, tensor, is_parameter in weights_of(program):
        path, _, last = name.rpartition(".")
        owner = _module_at(root, path, kinds)
        one = tied.setdefault(same_piece(tensor), tensor)
        if is_parameter:
            kept = one if isinstance(one, nn.Parameter) else nn.Parameter(one, requires_grad=one.requires_grad)
            owner.register_parameter(last, kept)
        else:
            owner.register_buffer(last, one)
    return root


def stack_of(node: Any) -> list[tuple[str, str, str]] | None:
    """Return key, path and class of every module that ``node`` ran in, the model itself first.

    The key differs between two runs of one module. ``None``: the node does not remember.
    """
    stack = node.meta.get("nn_module_stack")
    if not stack:
        return None
    return [(key, _plain(path), _dotted(kind)) for key, (path, kind) in stack.items()]


def _plain(path: str) -> str:
    """Return ``layers.0`` for ``L['self'].layers.0`` and ``layers.0@1``."""
    return re.sub(r"@\d+", "", re.sub(r"^L\['self'\]\.?|^L__self__\.?", "", path))


def _dotted(kind: Any) -> str:
    return kind if isinstance(kind, str) else f"{kind.__module__}.{kind.__qualname__}"


def _module_at(root: nn.Module, path: str, kinds: dict[str, str]) -> nn.Module:
    module, here = root, ""
    for name in path.split(".") if path else ():
        here = f"{here}.{name}" if here else name
        children = children_of(module)
        if name not in children:
            known = kinds.get(here) or _NEVER_CALLED.get(type(module).__name__, {}).get(name)
            module.add_module(name, _class(known)())
        module = children[name]
    return module


@cache
def _class(dotted: str | None) -> type[nn.Module]:
    if dotted is None:
        return nn.Module
    module, _, name = dotted.rpartition(".")
    return type(name, (nn.Module,), {"__module__": module})


def weights_of(program: Any) -> Iterator[tuple[str, torch.Tensor, bool]]:
    """Yield name and tensor of every weight of ``program``, and whether it is a parameter."""
    signature = program.graph_signature
    parameters = set(signature.parameters)
    for name, tensor in program.state_dict.items():
        yield name, tensor, name in parameters or isinstance(tensor, nn.Parameter)
    for name in signature.non_persistent_buffers:
        yield name, program.constants[name], False
