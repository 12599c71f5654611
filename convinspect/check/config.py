"""The config file: where it is found, and the checks in it: their targets, how they run, their limits and rules."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from convinspect.check import DEVICE
from convinspect.check.config_table import Table
from convinspect.check.limits import RULES, Check, GrowthKind, Limit, Rule, bound, bound_names, growth, rule
from convinspect.errors import UsageError
from convinspect.parsing import is_place
from convinspect.run_options import OPTIONS, request_of
from convinspect.spec import Reference, Request

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_OWN = "convinspect.toml"
_SHARED = "pyproject.toml"
# What every check may leave to the top of the file.
_DEFAULTS = ("device", "dtype", "batch-size", "train", "optimizer", "amp", "accept-bounds")


@dataclass(frozen=True, slots=True)
class Config:
    """The checks of one file, in its order."""

    file: Path
    checks: tuple[Check, ...]

    def named(self, name: str) -> Check | None:
        """Return the check called ``name``."""
        return next((check for check in self.checks if check.name == name), None)


def find_config(folder: Path) -> Path | None:
    """Return the nearest config from ``folder`` upwards, ``None`` where there is none.

    In one folder ``convinspect.toml`` comes before a ``pyproject.toml`` with a ``[tool.convinspect]`` table; without
    that table a ``pyproject.toml`` is passed over. Raises `UsageError` for one on the way that cannot be read.
    """
    for above in (folder, *folder.parents):
        if (above / _OWN).is_file():
            return above / _OWN
        if (above / _SHARED).is_file() and _table(above / _SHARED) is not None:
            return above / _SHARED
    return None


def read_config(file: Path) -> Config:
    """Return the config in ``file``; its folder is where its checks run.

    Raises `UsageError` with the file and the key in front for what cannot be read, is unknown or does not fit.
    """
    values = _table(file)
    if values is None:
        raise UsageError(f"{file}: no [tool.convinspect] table in it")
    place = "tool.convinspect" if file.name == _SHARED else ""
    try:
        return Config(file, _checks(Table(values, place), file))
    except UsageError as error:
        raise error.within(str(file)) from None


def _checks(table: Table, file: Path) -> tuple[Check, ...]:
    table.refuse_unknown((*_DEFAULTS, "checks"))
    checks = table.table("checks")
    if checks is None or not checks.values:
        raise UsageError(f"{table.at('checks')}: there is no check", "convinspect check --help shows one")
    defaults = {key: table.values[key] for key in _DEFAULTS if key in table.values}
    return tuple(check_of(name, checks, defaults, file) for name in checks.values)


def _table(file: Path) -> Mapping[str, Any] | None:
    try:
        with file.open("rb") as stream:
            document: dict[str, Any] = tomllib.load(stream)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{file}: not TOML: {error}") from None
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}") from error
    if file.name != _SHARED:
        return document
    tool = document.get("tool")
    ours = tool.get("convinspect") if isinstance(tool, dict) else None
    if ours is not None and not isinstance(ours, dict):
        raise UsageError(f"{file}: tool.convinspect: expected a table")
    return ours


_KEYS = (
    *("target", "args", *(option.in_config for option in OPTIONS if option.in_config), "environment"),
    *("limits", "rules", "baseline", "cumulative-baseline", "accept-bounds", "message"),
)
_NAME = re.compile(r"[\w.@+-]+")
_GROWTHS: Mapping[str, GrowthKind] = {"growth": "growth", "cumulative": "cumulative"}


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
        baseline=table.get("baseline", "text"),
        cumulative_baseline=table.get("cumulative-baseline", "text"),
        accept_bounds=table.get("accept-bounds", "flag") or False,
        message=table.get("message", "text"),
        environment=table.get("environment", "texts"),
        config=file,
        table=table.place,
    )


def _request(table: Table) -> Request:
    target = table.get("target", "text")
    if target is None:
        raise UsageError(f"{table.at('target')}: missing", 'for example: target = "model.py:Net"')
    options = [option for option in OPTIONS if option.in_config]
    keys = {option.name: option.in_config for option in options}
    said = {one.name: table.get(one.in_config, one.kind, one.choices) for one in options}
    said["device"] = said["device"] or DEVICE
    return request_of(target, said, tuple(_arguments(table)), place=lambda name: table.at(keys.get(name, name)))


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
