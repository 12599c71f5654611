"""The tensors of one operator call, and whether it changes them: asked often, so answered fast."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import torch


def operands(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Iterator[torch.Tensor]:
    """Yield the tensors that an operator was given."""
    for arg in args:
        yield from results(arg)
    for arg in kwargs.values():
        yield from results(arg)


def results(value: Any) -> Iterator[torch.Tensor]:
    """Yield the tensors of an operator's result; operators return tensors and lists of them, nothing deeper."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from results(item)


@cache
def mutates(func: Any) -> bool:
    """Tell whether the operator may change a tensor that it is given; one without a schema may."""
    schema = getattr(func, "_schema", None)
    return schema is None or bool(schema.is_mutable)


def written(func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Iterator[torch.Tensor]:
    """Yield the tensors that the operator's schema says it writes into; all of them where it has none."""
    schema = getattr(func, "_schema", None)
    if schema is None:
        yield from operands(args, kwargs)
        return
    given = {**dict(zip((argument.name for argument in schema.arguments), args, strict=False)), **kwargs}
    for argument in schema.arguments:
        if argument.alias_info is not None and argument.alias_info.is_write:
            yield from results(given.get(argument.name))
