"""A saved document, read strictly: what no report holds is refused by its place, in words for people."""

from __future__ import annotations

import math
import re
from typing import Any, TypeVar

import msgspec

from convinspect.errors import UsageError

T = TypeVar("T")

# More than any product of sizes that torch can hold; Python's own arithmetic with floats ends at 1024.
_BITS = 256
_WORDS = {
    "int": "a whole number",
    "float": "a decimal number",
    "str": "text",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}


def read(kind: type[T], document: Any) -> T:
    """Return the dataclass ``kind`` that ``document`` holds in dicts and lists; keys of a later version are ignored.

    Raises `UsageError` for a key that is missing and for a value of another type, out of its bounds or not in JSON
    (NaN, half a character).
    """
    _refuse_impossible(document)
    try:
        return msgspec.convert(document, kind)
    except msgspec.ValidationError as error:
        raise _told(str(error)) from None


def damaged(place: str, fault: str) -> UsageError:
    """Return the error of a report that is wrong at ``place`` (``layers[3].macs``)."""
    return UsageError(f"a damaged report: {place}: {fault}")


def _refuse_impossible(document: Any) -> None:
    """Refuse what the types below cannot: they know of no bound for large numbers, and let pass what is no text."""
    waiting = [("", document)]
    while waiting:
        place, value = waiting.pop()
        fault = _fault(value)
        if fault:
            raise damaged(place, fault)
        if isinstance(value, dict):
            dot = "." if place else ""
            for key, item in value.items():
                if _fault(key):
                    raise damaged(place or "the document", f"the key {key!a:.80} is not text")
                waiting.append((f"{place}{dot}{key}", item))
        elif isinstance(value, list):
            waiting.extend((f"{place}[{i}]", item) for i, item in enumerate(value))


def _fault(value: Any) -> str | None:
    if isinstance(value, str):
        return None if value.isascii() or not re.search(r"[\ud800-\udfff]", value) else f"{value!a:.80} is not text"
    if isinstance(value, float):
        return None if math.isfinite(value) else f"{value} is not a number"
    if isinstance(value, int) and value.bit_length() > _BITS:
        return "a number larger than any that is counted here"
    return None


def _told(said: str) -> UsageError:
    """Put ``Expected `int` >= 0 - at `$.layers[3].macs` `` into our words."""
    fault, _, at = said.rpartition(" - at ") if " - at " in said else (said, "", "")
    place = re.sub(r"^\$\.?", "", at.replace("`", ""))
    missing = re.fullmatch(r"Object missing required field `(\w+)`", fault)
    if missing:
        return damaged(f"{place}.{missing[1]}" if place else missing[1], "missing")
    if fault.startswith("Invalid enum value "):
        return damaged(place, f"{fault.removeprefix('Invalid enum value ')} is not known")
    fault = re.sub(r"`str` matching .*", "a fraction such as 1/2", fault).replace("`int` >=", "a count >=")
    fault = re.sub("`([a-z |]+)`", lambda kinds: " or ".join(_WORDS.get(k, k) for k in kinds[1].split(" | ")), fault)
    return damaged(place or "the document", fault[:1].lower() + fault[1:])
