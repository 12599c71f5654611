"""Amounts as people write them, read exactly: ``1.2M``, ``48 MiB``, ``1_000_000``, ``5%``."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction

from convinspect.check.metrics import Unit
from convinspect.errors import UsageError

_SI = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15, "E": 10**18}
_IEC = {f"{name}I": 1024**step for step, name in enumerate("KMGTPE", start=1)}
_NUMBER = re.compile(r"([+-]?)([0-9]{1,3}(?:,[0-9]{3})+|[0-9]+(?:_[0-9]+)*)?(\.[0-9]+)?(e[+-]?[0-9]{1,2})?")
_SUFFIX = re.compile(r"\s*([A-Za-z]*)")
_LONGEST = 48  # of what is read as a number: more digits than any count has
_LARGEST = 2**63
_EXAMPLES = {
    "count": "for example 5M or 1_200_000",
    "bytes": "for example 20MiB, 20MB (10^6) or 1_000_000",
    "positions": "for example 128",
}


def parse_amount(value: object, unit: Unit, place: str) -> Fraction:
    """Return the exact amount that ``value`` (text, or a number of the config) says in ``unit``.

    A bare number is a count or bytes. ``K M G T P E`` are factors of 1000 for counts; ``kB MB GB`` and on (1000)
    and ``KiB MiB GiB`` and on (1024) for bytes; positions of an input take none.
    Raises `UsageError`, with ``place`` in front, for what is no such amount, negative, or not finite.
    """
    text = _text(value, unit, place)
    if text.endswith("%"):
        raise UsageError(f"{place}: {text} is a share, and this is a limit in {_NAMED[unit]}", _EXAMPLES[unit])
    number, suffix = _split(text, place, _EXAMPLES[unit])
    amount = Fraction(number) * _factor(suffix, unit, text, place)
    if amount >= _LARGEST:
        raise UsageError(f"{place}: {text} is larger than anything that is counted here", _EXAMPLES[unit])
    if unit != "bytes" and amount.denominator != 1:
        raise UsageError(f"{place}: {text} is not a whole number of {_THINGS[unit]}", _EXAMPLES[unit])
    return amount


def parse_share(value: object, place: str) -> Fraction:
    """Return ``5%`` as ``1/20``; raises `UsageError` for anything without a percent sign."""
    hint = "for example 5%"
    text = _text(value, "count", place, hint)
    if not text.endswith("%"):
        raise UsageError(f"{place}: {text} has no unit", f"{hint}, with the percent sign")
    number, suffix = _split(text[:-1], place, hint)
    if suffix:
        raise UsageError(f"{place}: {text} is not a percentage", hint)
    return Fraction(number) / 100


def parse_growth(value: object, unit: Unit, place: str) -> tuple[Fraction, bool]:
    """Return an allowed growth and whether it is a share of what there was: ``5%``, ``100K``, ``8MiB``, ``0``.

    A bare number other than 0 is refused: ``5`` could be meant either way.
    """
    text = str(value).strip()
    if isinstance(value, str) and text.endswith("%"):
        return parse_share(value, place), True
    if unit != "positions" and text.strip("0123456789._,") == "" and text.strip("0._,"):
        raise UsageError(f"{place}: {text} has no unit", f"for example 5%, or 5{'K' if unit == 'count' else 'kB'}")
    return parse_amount(value, unit, place), False


_NAMED = {"count": "a count", "bytes": "bytes", "positions": "input positions"}
_THINGS = {"count": "things", "positions": "positions"}


def _text(value: object, unit: Unit, place: str, hint: str = "") -> str:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise UsageError(f"{place}: expected an amount, got {_shown(value)}", hint or _EXAMPLES[unit])
    text = str(value).strip()
    if not text:
        raise UsageError(f"{place}: an empty amount", hint or _EXAMPLES[unit])
    return text


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else f"a {type(value).__name__}"


def _split(text: str, place: str, hint: str) -> tuple[Decimal, str]:
    """Return the number, exactly, and what follows it."""
    if re.fullmatch(r"[+-]?(nan|inf|infinity)", text.strip(), re.IGNORECASE):
        raise UsageError(f"{place}: {text} is not a limit: nothing can be held against it", hint)
    found = _NUMBER.match(text)
    suffix = _SUFFIX.fullmatch(text[found.end() :]) if found else None
    if found is None or suffix is None or not (found[2] or found[3]) or len(text) > _LONGEST:
        raise UsageError(f"{place}: {text!r} is not an amount", hint)
    number = Decimal(found[0].replace(",", "").replace("_", ""))
    if number.is_signed():
        raise UsageError(f"{place}: {text} is negative", hint)
    return number, suffix[1]


def _factor(suffix: str, unit: Unit, text: str, place: str) -> int:
    if unit == "positions":
        if suffix:
            raise UsageError(f"{place}: {text}: input positions are a plain number", _EXAMPLES[unit])
        return 1
    if unit == "count":
        return _count_factor(suffix, text, place)
    return _bytes_factor(suffix, text, place)


def _count_factor(suffix: str, text: str, place: str) -> int:
    if suffix.upper() in _SI:
        return _SI[suffix.upper()]
    number = text[: len(text) - len(suffix)].strip()
    if suffix == "B":
        raise UsageError(f"{place}: {text} reads as bytes, and a count is wanted", f"for billions write {number}G")
    if suffix[-1:].upper() == "B":
        raise UsageError(f"{place}: {text} is a size, and this is a limit in a count", _EXAMPLES["count"])
    raise UsageError(f"{place}: {text}: no unit {suffix!r}", "counts take K, M, G, T, P or E")


def _bytes_factor(suffix: str, text: str, place: str) -> int:
    upper = suffix.upper()
    if upper in _SI and suffix:
        number = text[: len(text) - len(suffix)].strip()
        hint = f"{number}{upper}B is a factor of 1000, {number}{upper}iB of 1024"
        raise UsageError(f"{place}: {text} is a count, and this is a limit in bytes", hint)
    if len(suffix) == len("Mb") and suffix[0].isupper() and suffix[1] == "b":
        raise UsageError(f"{place}: {text} reads as bits", f"for bytes write {text[:-1]}B")
    if not suffix or upper == "B":
        return 1
    stem = upper.removesuffix("B")
    if upper.endswith("B") and (stem in _SI or stem in _IEC):
        return _SI.get(stem) or _IEC[stem]
    raise UsageError(
        f"{place}: {text}: no unit {suffix!r}", "sizes take B, kB, MB, GB, TB and on, or KiB, MiB, GiB, TiB and on"
    )
