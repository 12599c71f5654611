"""One check of the config: its target, how it runs, its limits and rules."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from convinspect.check import DEVICE
from convinspect.check.config_table import Table
from convinspect.check.limits import GrowthKind, Limit, bound, bound_names, growth
from convinspect.check.plan import Check
from convinspect.check.rules import RULES, Rule, rule
from convinspect.errors import UsageError
from convinspect.spec import (
    Reference,
    Request,
    is_place,
    parse_argv,
    parse_axes,
    parse_device,
    parse_float_dtype,
    parse_function,
    parse_input,
    parse_target,
)

T = TypeVar("T")

_KEYS = (
    *("target", "args", "inputs", "batch-size", "no-batch", "device", "dtype", "train", "optimizer", "amp"),
    *("field-of", "axes", "allow-unsafe", "input-from", "past", "no-weights", "argv", "environment"),
    *("limits", "rules", "baseline", "cumulative-baseline", "accept-bounds", "message"),
)
_NAME = re.compile(r"[\w.@+-]+")
_OPTIMIZERS = ("sgd", "momentum", "adam", "adamw", "none")
_GROWTHS: Mapping[str, GrowthKind] = {"growth": "growth", "cumulative": "cumulative"}
_AMP: Mapping[str | None, Any] = {"bf16": "bfloat16", "fp16": "float16"}


def check_of(name: str, checks: Table, defaults: Mapping[str, Any], file: Path) -> Check:
    """Return the check ``name`` of the table ``checks``; keys that it has not come from ``defaults``.

    Raises `UsageError` that names the key for anything that is unknown, missing or does not fit.
    """
    own = checks.table(name)
    if own is None or not _NAME.fullmatch(name):
        raise UsageError(f"{checks.at(name)}: a name is made of letters, digits and . @ + - _")
    own.refuse_unknown(_KEYS)
    table = Table({**defaults, **own.values}, own.place)
    limits, rules = tuple(_limits(table)), tuple(_rules(table))
    if not limits and not rules:
        raise UsageError(f"{table.place}: no limits and no rules: nothing is checked", f"add {table.at('limits')}")
    return Check(
        name=name,
        request=_request(table),
        folder=file.parent.absolute(),
        limits=limits,
        rules=rules,
        baseline=table.text("baseline"),
        cumulative_baseline=table.text("cumulative-baseline"),
        accept_bounds=table.flag("accept-bounds") or False,
        message=table.text("message"),
        environment=table.texts("environment"),
        config=file,
        table=table.place,
    )


def _request(table: Table) -> Request:
    target = table.text("target")
    if target is None:
        raise UsageError(f"{table.at('target')}: missing", 'for example: target = "model.py:Net"')
    batch, dtype = table.positive("batch-size"), table.text("dtype")
    whole, axes, function = table.flag("no-batch") or False, table.text("axes"), table.text("input-from")
    if whole and batch is not None:
        raise UsageError(f"{table.at('no-batch')}: contradicts batch-size")
    optimizer: Any = table.choice("optimizer", _OPTIMIZERS) or "adamw"
    return Request(
        target=_placed(parse_target, target, table.at("target")),
        inputs=tuple(_placed(parse_input, text, table.at("inputs")) for text in table.texts("inputs")),
        arguments=tuple(_arguments(table)),
        input_from=_placed(parse_function, function, table.at("input-from")) if function else None,
        batch_size=None if whole else batch or 1,
        device=_placed(parse_device, table.text("device") or DEVICE, table.at("device")),
        dtype=parse_float_dtype(dtype, table.at("dtype")) if dtype else None,
        train=table.flag("train") or False,
        field_of=table.text("field-of"),
        axes=_placed(parse_axes, axes, table.at("axes")) if axes else None,
        allow_unsafe=table.flag("allow-unsafe") or False,
        past=table.positive("past") or 0,
        argv=_placed(parse_argv, table.text("argv") or "", table.at("argv")),
        weights=not table.flag("no-weights"),
        optimizer=None if optimizer == "none" or table.positive("past") else optimizer,
        amp=_AMP.get(table.choice("amp", ("bf16", "fp16"))),
    )


def _placed(parse: Callable[[str], T], text: str, place: str) -> T:
    """Return what ``parse`` reads; its errors speak of options, so the key goes in front."""
    try:
        return parse(text)
    except UsageError as error:
        raise error.within(place) from None


def _arguments(table: Table) -> Iterator[tuple[str, Any]]:
    arguments = table.table("args")
    for name, value in arguments.values.items() if arguments else ():
        if not is_place(name):
            raise UsageError(f"{table.at('args')}: {name!r} is not a name of an argument")
        yield name, Reference(value[1:]) if isinstance(value, str) and value.startswith("@") else value


def _limits(table: Table) -> Iterator[Limit]:
    limits = table.table("limits")
    seen: dict[tuple[object, ...], str] = {}
    for limit in _limits_in(limits, None) if limits else ():
        same = (limit.kind, limit.metric.name, limit.part)
        if same in seen:
            raise UsageError(f"{limit.key}: says the same as {seen[same]}", "keep one of them")
        seen[same] = limit.key
        yield limit


def _limits_in(table: Table, part: str | None) -> Iterator[Limit]:
    for key, value in table.values.items():
        inner = table.table(key) if isinstance(value, dict) or key in _GROWTHS else None
        if inner is not None and key in _GROWTHS:
            for name, amount in inner.values.items():
                yield growth(_GROWTHS[key], name, amount, inner.at(name), part)
        elif inner is None:
            yield bound(key, value, table.at(key), part)
        elif part is not None or key in bound_names():
            raise UsageError(f"{table.at(key)}: expected an amount, got a table", 'for example: params = "5M"')
        else:
            yield from _limits_in(inner, key)


def _rules(table: Table) -> Iterator[Rule]:
    rules = table.table("rules")
    if rules is None:
        return
    rules.refuse_unknown(RULES)
    for kind in RULES:
        found = rule(kind, rules.values[kind], rules.at(kind)) if kind in rules.values else None
        if found is not None:
            yield found
