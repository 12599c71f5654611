"""What torch says of an operator itself: its arguments, their defaults, and what it writes to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from convinspect.torch_private import schema_of


@dataclass(frozen=True, slots=True)
class Signature:
    """The name (``aten::add``) and arguments of an operator; ``types`` are torch's own words for theirs.

    ``written`` are the arguments that it writes to, ``replaced`` those that are only written, never read.
    """

    name: str
    names: tuple[str, ...]
    types: tuple[str, ...]
    defaults: Mapping[str, Any]
    written: tuple[str, ...]
    replaced: frozenset[str]


@cache
def signature_of(func: Any) -> Signature | None:
    """Read an operator's schema; ``None`` of a higher-order operator, which has none."""
    schema = schema_of(func)
    if schema is None:
        return None
    written = [a for a in schema.arguments if a.alias_info is not None and a.alias_info.is_write]
    return Signature(
        schema.name,
        tuple(a.name for a in schema.arguments),
        tuple(str(a.type) for a in schema.arguments),
        {a.name: a.default_value for a in schema.arguments if a.has_default_value()},
        tuple(a.name for a in written),
        frozenset(a.name for a in written if a.kwarg_only),
    )


@cache
def mutates(func: Any) -> bool:
    """Tell whether the operator may change a tensor that it is given; one without a schema may."""
    schema = schema_of(func)
    return schema is None or bool(schema.is_mutable)
