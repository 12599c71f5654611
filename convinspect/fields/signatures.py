"""What torch says of an operator itself: its arguments, what it writes to, whether it is pointwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch


@dataclass(frozen=True, slots=True)
class Signature:
    """The name (``aten::add``) and arguments of an operator.

    ``written`` are the arguments that it writes to, ``replaced`` those that are only written, never read.
    """

    name: str
    names: tuple[str, ...]
    defaults: Mapping[str, Any]
    written: tuple[str, ...]
    replaced: frozenset[str]


@cache
def signature_of(func: Any) -> Signature:
    """Read an operator's schema."""
    schema = func._schema  # noqa: SLF001 - torch has no public name for it
    written = [a for a in schema.arguments if a.alias_info is not None and a.alias_info.is_write]
    return Signature(
        schema.name,
        tuple(a.name for a in schema.arguments),
        {a.name: a.default_value for a in schema.arguments if a.has_default_value()},
        tuple(a.name for a in written),
        frozenset(a.name for a in written if a.kwarg_only),
    )


@cache
def is_pointwise(func: Any) -> bool:
    """Tell whether torch tags the operator as pointwise; of an in-place one, perhaps its functional form only."""
    if torch.Tag.pointwise in func.tags:
        return True
    namespace, name = signature_of(func).name.split("::")
    plain = getattr(getattr(torch.ops, namespace), name.removesuffix("_"), None)
    if plain is None or plain is func.overloadpacket:
        return False
    return any(torch.Tag.pointwise in getattr(plain, overload).tags for overload in plain.overloads())
