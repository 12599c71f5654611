"""Rules of structure: what must hold for every layer, whatever the sums are; read from the config."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, TypeAlias, get_args

from convinspect.check.amounts import parse_share
from convinspect.errors import UsageError
from convinspect.spec import parse_dtype

RuleKind: TypeAlias = Literal["max-share", "trainable", "frozen", "dtypes", "no-uncounted"]
RULES: tuple[RuleKind, ...] = get_args(RuleKind)
# What quantisation stores weights in, beside the dtypes that a tensor can be made in.
_SMALL = re.compile(r"float8_\w+|q?u?int[248]|qint32")


@dataclass(frozen=True, slots=True)
class Rule:
    """``share`` is the most that a layer may have of the parameters; ``names`` are patterns, or dtypes."""

    kind: RuleKind
    key: str
    share: Fraction = Fraction(0)
    names: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What a line of the verdict calls this rule."""
        return f"{self.kind} {', '.join(self.names)}" if self.kind in ("trainable", "frozen") else self.kind


def rule(kind: RuleKind, value: object, key: str) -> Rule | None:
    """Return the rule that a key of the config says; ``None`` where it says that there is none.

    Raises `UsageError` where the value does not fit.
    """
    if kind == "no-uncounted":
        if not isinstance(value, bool):
            raise UsageError(f"{key}: expected true or false")
        return Rule(kind, key) if value else None
    if kind == "max-share":
        share = parse_share(value, key)
        if share > 1:
            raise UsageError(f"{key}: {value} is more than there is", "for example 40%")
        return Rule(kind, key, share)
    names = (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list) else ()
    if not names or not all(isinstance(name, str) and name for name in names):
        raise UsageError(f"{key}: expected a list of {'dtypes' if kind == 'dtypes' else 'module patterns'}")
    return Rule(kind, key, names=tuple(_dtype(name, key) for name in names) if kind == "dtypes" else names)


def _dtype(name: str, key: str) -> str:
    return name if _SMALL.fullmatch(name) else parse_dtype(name, key)
