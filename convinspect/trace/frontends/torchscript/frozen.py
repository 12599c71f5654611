"""Frozen TorchScript: one graph without modules, whose weights are constants of the graph."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from convinspect.records import ModuleRecord, Note, Weight
from convinspect.tensors.describe import dtype_name, tensor_record

_MESSAGE = (
    "the archive is frozen: its modules are melted into one graph, so the rows are operators; its weights are "
    "constants of that graph, counted as buffers; save it before torch.jit.freeze for rows by module"
)


def unfolded(model: nn.Module, modules: tuple[ModuleRecord, ...]) -> tuple[tuple[ModuleRecord, ...], tuple[Note, ...]]:
    """Return ``modules`` as they are, or of a frozen model the root with its constants, and why.

    The root is not called a leaf then: its operators are all there is to show.
    """
    if not is_frozen(model):
        return modules, ()
    root, *others = modules
    buffers = (*root.buffers, *_constants(model))
    return (replace(root, leaf=False, builtin=False, buffers=buffers), *others), (Note("frozen", _MESSAGE),)


def is_frozen(model: nn.Module) -> bool:
    """Tell whether ``model`` went through ``torch.jit.freeze``, which takes even the training flag away."""
    return isinstance(model, torch.jit.ScriptModule) and not model._c.hasattr("training")  # noqa: SLF001


def _constants(model: Any) -> Iterator[Weight]:
    seen: set[int] = set()
    names = model._c._method_names()  # noqa: SLF001 - as torch.jit's own wrappers
    for graph in (model._c._get_method(name).graph for name in names):  # noqa: SLF001
        for name, tensor in _tensors(graph):
            if tensor.data_ptr() not in seen or not tensor.data_ptr():
                seen.add(tensor.data_ptr())
                yield Weight(name, tensor.numel(), dtype_name(tensor.dtype), tensor_record(tensor).bytes, used=True)


def _tensors(block: Any) -> Iterator[tuple[str, torch.Tensor]]:
    for node in block.nodes():
        for inner in node.blocks():
            yield from _tensors(inner)
        if node.kind() == "prim::Constant" and node.hasAttribute("value") and node.kindOf("value") == "t":
            tensor = node.t("value")
            if tensor.layout is torch.strided and tensor.dim():
                yield node.output().debugName(), tensor
