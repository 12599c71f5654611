"""Amounts as people write them, read exactly: ``1.2M``, ``48 MiB``, ``1_000_000``, ``5%``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction

from convinspect.check.metrics import Unit
from convinspect.errors import UsageError

_SI = {"": 1, **{letter: 1000**step for step, letter in enumerate("KMGTPE", start=1)}}
_IEC = {f"{letter}IB": 1024**step for step, letter in enumerate("KMGTPE", start=1)}
# By what stands behind the number, in capitals.
_FACTORS: dict[str, dict[str, int]] = {
    "count": _SI,
    "bytes": {"": 1, **{f"{name}B": factor for name, factor in _SI.items()}, **_IEC},
}
_NUMBER = re.compile(r"([+-]?)([0-9]{1,3}(?:,[0-9]{3})+|[0-9]+(?:_[0-9]+)*)?(\.[0-9]+)?(e[+-]?[0-9]{1,2})?")
_SUFFIX = re.compile(r"\s*([A-Za-z]*)")
_LONGEST = 48  # of what is read as a number: more digits than any count has
_LARGEST = 2**63
_EXAMPLES = {
    "count": "for example 5M or 1_200_000",
    "bytes": "for example 20MiB, 20MB (10^6) or 1_000_000",
    "positions": "for example 128",
}
_NAMED = {"count": "a count", "bytes": "bytes", "positions": "input positions"}


def parse_amount(value: object, unit: Unit, place: str) -> Fraction:
    """Return the exact amount that ``value`` (text, or a number of the config) says in ``unit``.

    A bare number is a count or bytes. ``K M G T P E`` are factors of 1000 for counts; ``kB MB GB`` and on (1000)
    and ``KiB MiB GiB`` and on (1024) for bytes; positions of an input take none.
    Raises `UsageError`, with ``place`` in front, for what is no such amount, negative, or not finite.
    """
    hint = _EXAMPLES[unit]
    with _at(place):
        text = _text(value, hint)
        if text.endswith("%"):
            raise UsageError(f"{text} is a share, and this is a limit in {_NAMED[unit]}", hint)
        number, suffix = _split(text, hint)
        bits = unit == "bytes" and re.fullmatch("[A-Z]b", suffix)
        factor = None if bits else _FACTORS.get(unit, {"": 1}).get(suffix.upper())
        if factor is None:
            raise _no_unit(text, suffix, unit)
        amount = number * factor
        if amount >= _LARGEST:
            raise UsageError(f"{text} is larger than anything that is counted here", hint)
        if unit != "bytes" and amount.denominator != 1:
            raise UsageError(f"{text} is not a whole number of {'things' if unit == 'count' else unit}", hint)
        return amount


def parse_share(value: object, place: str) -> Fraction:
    """Return ``5%`` as ``1/20``; raises `UsageError` for anything without a percent sign."""
    hint = "for example 5%"
    with _at(place):
        text = _text(value, hint)
        if not text.endswith("%"):
            raise UsageError(f"{text} has no unit", f"{hint}, with the percent sign")
        number, suffix = _split(text[:-1], hint)
        if suffix:
            raise UsageError(f"{text} is not a percentage", hint)
        return number / 100


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


@contextmanager
def _at(place: str) -> Iterator[None]:
    try:
        yield
    except UsageError as error:
        raise error.within(place) from None


def _text(value: object, hint: str) -> str:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        shown = str(value).lower() if isinstance(value, bool) else f"a {type(value).__name__}"
        raise UsageError(f"expected an amount, got {shown}", hint)
    text = str(value).strip()
    if not text:
        raise UsageError("an empty amount", hint)
    return text


def _split(text: str, hint: str) -> tuple[Fraction, str]:
    """Return the number, exactly, and what follows it."""
    if re.fullmatch(r"[+-]?(nan|inf|infinity)", text.strip(), re.IGNORECASE):
        raise UsageError(f"{text} is not a limit: nothing can be held against it", hint)
    found = _NUMBER.match(text)
    suffix = _SUFFIX.fullmatch(text[found.end() :]) if found else None
    if found is None or suffix is None or not (found[2] or found[3]) or len(text) > _LONGEST:
        raise UsageError(f"{text!r} is not an amount", hint)
    if found[1] == "-":
        raise UsageError(f"{text} is negative", hint)
    return Fraction(found[0].replace(",", "").replace("_", "")), suffix[1]


def _no_unit(text: str, suffix: str, unit: Unit) -> UsageError:
    """Return why ``text`` is no amount in ``unit``, for what it ends in."""
    hint, number, upper = _EXAMPLES[unit], text[: len(text) - len(suffix)].strip(), suffix.upper()
    if unit == "positions":
        return UsageError(f"{text}: input positions are a plain number", hint)
    if unit == "count":
        if suffix == "B":
            return UsageError(f"{text} reads as bytes, and a count is wanted", f"for billions write {number}G")
        if upper.endswith("B"):
            return UsageError(f"{text} is a size, and this is a limit in a count", hint)
        return UsageError(f"{text}: no unit {suffix!r}", "counts take K, M, G, T, P or E")
    if upper in _SI:
        hint = f"{number}{upper}B is a factor of 1000, {number}{upper}iB of 1024"
        return UsageError(f"{text} is a count, and this is a limit in bytes", hint)
    if re.fullmatch("[A-Z]b", suffix):
        return UsageError(f"{text} reads as bits", f"for bytes write {text[:-1]}B")
    return UsageError(
        f"{text}: no unit {suffix!r}", "sizes take B, kB, MB, GB, TB and on, or KiB, MiB, GiB, TiB and on"
    )
