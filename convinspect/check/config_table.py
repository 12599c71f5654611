"""A table of the config with its place: what a key holds, or an error that names the key."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from convinspect.check.limits import nearest
from convinspect.errors import UsageError

_BARE = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Table:
    """``values`` by key; ``place`` is the dotted key of the table in its file."""

    values: Mapping[str, Any]
    place: str

    def at(self, key: str) -> str:
        """Return the dotted key of ``key``, quoted as TOML wants it."""
        quoted = key if _BARE.fullmatch(key) else json.dumps(key, ensure_ascii=False)
        return f"{self.place}.{quoted}" if self.place else quoted

    def refuse_unknown(self, known: Iterable[str]) -> None:
        """Raise `UsageError` for the first key that is none of ``known``, with the nearest that is."""
        names = tuple(known)
        for key in self.values:
            if key not in names:
                raise UsageError(f"{self.at(key)}: no such key", nearest(key, names))

    def table(self, key: str) -> Table | None:
        """Return the table under ``key``."""
        value = self._get(key, dict, "a table")
        return None if value is None else Table(value, self.at(key))

    def text(self, key: str) -> str | None:
        """Return the text under ``key``, which is not empty."""
        value: str | None = self._get(key, str, "text")
        if value is not None and not value.strip():
            raise UsageError(f"{self.at(key)}: empty")
        return value

    def flag(self, key: str) -> bool | None:
        """Return the truth value under ``key``."""
        value: bool | None = self._get(key, bool, "true or false")
        return value

    def positive(self, key: str) -> int | None:
        """Return the whole number from 1 under ``key``."""
        value: int | None = self._get(key, int, "a whole number")
        if value is not None and value < 1:
            raise UsageError(f"{self.at(key)}: {value} is less than 1")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """Return the list of texts under ``key``; one text stands for a list of it."""
        value = self.values.get(key, [])
        listed = [value] if isinstance(value, str) else value
        if not isinstance(listed, list) or not all(isinstance(item, str) for item in listed):
            raise UsageError(f"{self.at(key)}: expected a list of texts")
        return tuple(listed)

    def choice(self, key: str, choices: Iterable[str]) -> str | None:
        """Return the text under ``key``, which is one of ``choices``."""
        value = self.text(key)
        if value is not None and value not in choices:
            raise UsageError(f"{self.at(key)}: no {value!r}", nearest(value, tuple(choices)))
        return value

    def _get(self, key: str, kind: type, named: str) -> Any:
        value = self.values.get(key)
        if value is not None and type(value) is not kind:
            raise UsageError(f"{self.at(key)}: expected {named}, got {_kind(value)}")
        return value


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return {str: "text", int: "a number", float: "a number", list: "a list", dict: "a table"}.get(type(value), "a date")
