"""The tensors in nested values: those of an operator, asked for often and found fast, and those of a user's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import torch

from convinspect.tensors.signature import signature_of


def results(value: Any) -> Iterator[torch.Tensor]:
    """Yield the tensors of an operator's result; operators return tensors and lists of them, nothing deeper."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from results(item)


def operands(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Iterator[torch.Tensor]:
    """Yield the tensors that an operator was given."""
    for arg in args:
        yield from results(arg)
    for arg in kwargs.values():
        yield from results(arg)


def written(func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Iterator[torch.Tensor]:
    """Yield the tensors that the operator's schema says it writes into; all of them where it has none."""
    signature = signature_of(func)
    if signature is None:
        yield from operands(args, kwargs)
        return
    given = {**dict(zip(signature.names, args, strict=False)), **kwargs}
    for name in signature.written:
        yield from results(given.get(name))


def tensors_in(value: Any) -> Iterator[torch.Tensor]:
    """Yield every tensor in nested tuples, lists, mappings and dataclasses, in order."""
    for _, tensor in named_tensors(value, ""):
        yield tensor


def named_tensors(value: Any, name: str) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield every tensor of a nested value with its dotted name: ``out.0``, ``logits``, ``cache.1.key``.

    A mapping or dataclass at the top gives its own keys as names; a list or tuple numbers its items.
    """
    # A cycle in the user's own structures must not hang the report: each container is opened once.
    pending: list[tuple[str, Any]] = [(name, value)]
    opened: set[int] = set()
    while pending:
        here, item = pending.pop()
        if isinstance(item, torch.Tensor):
            yield here or "out", item
            continue
        parts = _parts(item)
        if not parts or id(item) in opened:
            continue
        opened.add(id(item))
        numbered = isinstance(item, (list, tuple)) and not hasattr(item, "_fields")
        prefix = here or ("out" if numbered else "")
        pending.extend((f"{prefix}.{key}".lstrip("."), part) for key, part in reversed(parts))


def _parts(item: Any) -> list[tuple[str, Any]]:
    if isinstance(item, Mapping):
        return [(str(key), part) for key, part in item.items()]
    if isinstance(item, (list, tuple)):
        names = getattr(item, "_fields", None) or range(len(item))
        return [(str(key), part) for key, part in zip(names, item, strict=True)]
    if is_dataclass(item) and not isinstance(item, type):
        return [(f.name, getattr(item, f.name, None)) for f in fields(item)]
    return []
