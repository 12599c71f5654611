"""Scripted modules inside an eager model, put aside for copies with markers while it runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from convinspect.trace.frontends.torchscript.markers import with_markers


@contextmanager
def marked_parts(model: nn.Module) -> Iterator[None]:
    """Run the block with markers in the graphs of the model's scripted modules, and put the modules back after it.

    The copies have the very tensors of the originals, so that weights are told and counted as before.
    """
    undo: list[tuple[nn.Module, str, nn.Module]] = []
    copies: dict[int, Any] = {}
    try:
        for parent in list(model.modules()):
            if isinstance(parent, torch.jit.ScriptModule):
                continue
            for name, part in list(parent._modules.items()):  # noqa: SLF001 - no hooks of setattr
                if isinstance(part, torch.jit.ScriptModule):
                    undo.append((parent, name, part))
                    parent._modules[name] = copies.setdefault(id(part), _copy(part))  # noqa: SLF001
        yield
    finally:
        for parent, name, part in undo:
            parent._modules[name] = part  # noqa: SLF001


def _copy(part: Any) -> Any:
    marked = with_markers(part, disposable=False)
    if marked is not part:
        for mine, original in zip(marked.modules(), part.modules(), strict=True):
            named = (*original.named_parameters(recurse=False), *original.named_buffers(recurse=False))
            for name, tensor in named:
                mine._c.setattr(name, tensor)  # noqa: SLF001 - as torch.jit's own wrappers
    return marked
