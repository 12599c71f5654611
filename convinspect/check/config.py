"""The config file: where it is found, and the checks in it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from convinspect.check.config_check import check_of
from convinspect.check.config_table import Table
from convinspect.check.plan import Check
from convinspect.errors import UsageError

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
