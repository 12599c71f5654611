"""What is asked: limits and the check that holds them; read from an option or a key of the config."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from fractions import Fraction
from pathlib import Path
from typing import Literal, TypeAlias, get_args

from convinspect.check.amounts import parse_amount, parse_growth, parse_share
from convinspect.check.metrics import METRICS, Metric
from convinspect.errors import UsageError
from convinspect.parsing import parse_dtype
from convinspect.spec import Request

GrowthKind: TypeAlias = Literal["growth", "cumulative"]
LimitKind: TypeAlias = Literal["max", "min", "growth", "cumulative"]


@dataclass(frozen=True, slots=True)
class Limit:
    """``metric`` of ``part`` (``None``: of the model) held against ``amount``.

    ``growth`` and ``cumulative`` are held against a baseline: ``amount`` is how much more is allowed, where
    ``relative`` as a share of it. ``key`` is the option or the key of the config that said so, with ``text``.
    """

    kind: LimitKind
    metric: Metric
    amount: Fraction
    key: str
    text: str
    relative: bool = False
    part: str | None = None

    @property
    def name(self) -> str:
        """What a line of the verdict calls this limit."""
        of = f"{self.part} " if self.part else ""
        kind = {"growth": " growth", "cumulative": " cumulative growth"}.get(self.kind, "")
        return f"{of}{self.metric.name}{kind}"


def bound(name: str, value: object, key: str, part: str | None = None) -> Limit:
    """Return the limit that ``name`` (``max-params``, ``min-receptive-field``, ``params``) and ``value`` say.

    A bare metric is its maximum. Raises `UsageError` for an unknown name or a value that is no amount.
    """
    kind, metric = _split(name, key)
    if part is not None and metric.whole_only:
        raise UsageError(f"{key}: {metric.name} is a number of the whole model, not of a part", _of_parts())
    if name == metric.name and metric.unit == "positions":
        raise UsageError(f"{key}: a smallest or a largest field?", f"write min-{name} or max-{name}")
    return Limit(kind, metric, parse_amount(value, metric.unit, key), key, str(value), part=part)


def growth(kind: GrowthKind, name: str, value: object, key: str, part: str | None = None) -> Limit:
    """Return the limit on how much ``name`` may grow over a baseline; errors as `bound`."""
    if name not in METRICS:
        raise UsageError(f"{key}: no metric {name!r}", nearest(name, METRICS))
    metric = METRICS[name]
    if part is not None and metric.whole_only:
        raise UsageError(f"{key}: {metric.name} is a number of the whole model, not of a part", _of_parts())
    amount, relative = parse_growth(value, metric.unit, key)
    return Limit(kind, metric, amount, key, str(value), relative, part)


def bound_names() -> tuple[str, ...]:
    """Return the names that `bound` knows."""
    return tuple(f"{prefix}{name}" for name in METRICS for prefix in ("", "max-", "min-"))


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a hint: the known name that ``name`` is most like, else all of them."""
    names = list(known)
    close = get_close_matches(name, names, 1, 0.6) or get_close_matches(name.replace("_", "-"), names, 1, 0.6)
    return f"did you mean {close[0]}?" if close else f"known: {', '.join(names)}"


def _split(name: str, key: str) -> tuple[Literal["max", "min"], Metric]:
    prefix, _, rest = name.partition("-")
    if prefix in ("max", "min") and rest in METRICS:
        return ("min" if prefix == "min" else "max"), METRICS[rest]
    if name in METRICS:
        return "max", METRICS[name]
    hint = nearest(name, bound_names())
    every = f"known: {', '.join(METRICS)}, each with max- or min- in front"
    raise UsageError(f"{key}: no such limit", hint if hint.startswith("did") else every)


def _of_parts() -> str:
    return f"parts have: {', '.join(name for name, metric in METRICS.items() if not metric.whole_only)}"


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


@dataclass(frozen=True, slots=True)
class Check:
    """One check. ``folder`` is where its target runs and what its paths are relative to.

    ``baseline`` and ``cumulative_baseline`` are a saved report or ``git:REF``. ``config`` is the file that it
    stands in and ``table`` its place there (``None``: it was asked for by options). ``accept_bounds``: a bound counts
    as the value, and an unknown number is passed over. ``environment`` names variables that the model depends on.
    """

    name: str
    request: Request
    folder: Path
    limits: tuple[Limit, ...] = ()
    rules: tuple[Rule, ...] = ()
    baseline: str | None = None
    cumulative_baseline: str | None = None
    accept_bounds: bool = False
    message: str | None = None
    environment: tuple[str, ...] = ()
    config: Path | None = None
    table: str | None = None
