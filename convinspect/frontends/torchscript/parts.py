"""Scripted modules inside an eager model, put aside for copies with markers while it runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn

from convinspect.frontends.modules import is_scripted
from convinspect.frontends.torchscript.markers import with_markers
from convinspect.torch_private import children_of, script_object


@contextmanager
def marked_parts(model: nn.Module) -> Iterator[None]:
    """Run the block with markers in the graphs of the model's scripted modules, and put the modules back after it.

    The copies have the very tensors of the originals, so that weights are told and counted as before.
    """
    undo: list[tuple[dict[str, Any], str, nn.Module]] = []
    copies: dict[int, Any] = {}
    try:
        for parent in [module for module in model.modules() if not is_scripted(module)]:
            children = children_of(parent)
            for name, part in [(name, child) for name, child in children.items() if is_scripted(child)]:
                undo.append((children, name, part))
                children[name] = copies.setdefault(id(part), _copy(part))
        yield
    finally:
        for children, name, part in undo:
            children[name] = part


def _copy(part: Any) -> Any:
    marked = with_markers(part, disposable=False)
    if marked is not part:
        for mine, original in zip(marked.modules(), part.modules(), strict=True):
            named = (*original.named_parameters(recurse=False), *original.named_buffers(recurse=False))
            for name, tensor in named:
                script_object(mine).setattr(name, tensor)
    return marked
