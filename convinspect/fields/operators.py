"""What torch says of an operator itself: its names and defaults, what it replaces, whether it is pointwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator, overload included.

    ``name`` is written ``aten.add.Tensor``; ``rule_names`` are the names that a rule for it may have, an in-place
    operator's own and that of its functional form. ``replaced`` are arguments that are written to and never read.
    """

    name: str
    rule_names: tuple[str, ...]
    arguments: tuple[str, ...]
    defaults: Mapping[str, Any]
    replaced: frozenset[str]


@lru_cache(maxsize=4096)
def operator_of(func: Any) -> Operator:
    """Read an operator's schema."""
    schema = func._schema  # noqa: SLF001 - torch has no public name for it
    name = schema.name.replace("::", ".")
    in_place = name.endswith("_") and not name.endswith("__")
    written = (a for a in schema.arguments if a.alias_info is not None and a.alias_info.is_write)
    return Operator(
        str(func),
        (name, name[:-1]) if in_place else (name,),
        tuple(argument.name for argument in schema.arguments),
        {a.name: a.default_value for a in schema.arguments if a.has_default_value()},
        frozenset(argument.name for argument in written if argument.kwarg_only),
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
