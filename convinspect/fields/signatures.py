"""What torch says of an operator itself: its arguments, what it writes to, whether it is pointwise."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch


@dataclass(frozen=True, slots=True)
class Signature:
    """Argument names and defaults; the arguments ``written`` to, and those that are only written, never read."""

    names: tuple[str, ...]
    defaults: dict[str, Any]
    written: tuple[str, ...]
    replaced: frozenset[str]


@lru_cache(maxsize=4096)
def signature_of(func: Any) -> Signature:
    """Read an operator's schema."""
    arguments = func._schema.arguments  # noqa: SLF001 - torch has no public name for the schema
    written = tuple(a.name for a in arguments if a.alias_info is not None and a.alias_info.is_write)
    return Signature(
        tuple(argument.name for argument in arguments),
        {a.name: a.default_value for a in arguments if a.has_default_value()},
        written,
        frozenset(a.name for a in arguments if a.name in written and a.kwarg_only),
    )


@lru_cache(maxsize=4096)
def is_pointwise(func: Any) -> bool:
    """Tell whether torch tags the operator as pointwise; of an in-place one, perhaps its functional form only."""
    if torch.Tag.pointwise in func.tags:
        return True
    namespace, name = func._schema.name.split("::")  # noqa: SLF001
    plain = getattr(getattr(torch.ops, namespace), name.removesuffix("_"), None)
    if plain is None or plain is func.overloadpacket:
        return False
    return any(torch.Tag.pointwise in getattr(plain, overload).tags for overload in plain.overloads())
