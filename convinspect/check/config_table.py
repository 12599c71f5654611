"""A table of the config with its place: what a key holds, or an error that names the key."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from convinspect.check.limits import nearest
from convinspect.errors import UsageError

Kind: TypeAlias = Literal["text", "texts", "choice", "flag", "count", "table"]

_BARE = re.compile(r"[A-Za-z0-9_-]+")
# What each kind is in TOML, and what people call it.
_WANTED: dict[Kind, tuple[Any, str]] = {
    **dict.fromkeys(("text", "choice"), (str, "text")),
    "flag": (bool, "true or false"),
    "count": (int, "a whole number"),
    "table": (dict, "a table"),
}
_FOUND = {str: "text", int: "a number", float: "a number", list: "a list", dict: "a table"}


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
        value = self.get(key, "table")
        return None if value is None else Table(value, self.at(key))

    def get(self, key: str, kind: Kind, choices: Sequence[str] = ()) -> Any:
        """Return what stands under ``key``, ``None`` where nothing does.

        A text is not empty, a ``choice`` one of ``choices``, a count from 1 on; of ``texts``, one stands for
        a list of it. Raises `UsageError` where it is anything else.
        """
        value: Any = self.values.get(key)
        if kind == "texts":
            listed = [value] if isinstance(value, str) else [] if key not in self.values else value
            if not isinstance(listed, list) or not all(isinstance(item, str) for item in listed):
                raise UsageError(f"{self.at(key)}: expected a list of texts")
            return tuple(listed)
        if value is None:
            return None
        wanted, named = _WANTED[kind]
        if type(value) is not wanted:
            got = str(value).lower() if isinstance(value, bool) else _FOUND.get(type(value), "a date")
            raise UsageError(f"{self.at(key)}: expected {named}, got {got}")
        if wanted is str and not value.strip():
            raise UsageError(f"{self.at(key)}: empty")
        if kind == "count" and value < 1:
            raise UsageError(f"{self.at(key)}: {value} is less than 1")
        if kind == "choice" and value not in choices:
            raise UsageError(f"{self.at(key)}: no {value!r}", nearest(value, choices))
        return value
