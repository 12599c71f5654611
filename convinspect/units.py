"""Numbers as people read them, SI for counts and IEC for bytes, by one rule each; and text that a terminal can take."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

_SI = ("", "K", "M", "G", "T", "P", "E")
_IEC = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
# How many bytes each unit is.
BYTES = {name: 1024**power for power, name in enumerate(_IEC)}


def count(value: int, digits: int = 4) -> str:
    """Return ``value`` in ``digits`` figures or few more, with a factor of 1000: ``480.5K``, ``4.089G``."""
    return _scaled(value, 1000, _SI, "", digits)


def size(value: int, digits: int = 4) -> str:
    """Return ``value`` bytes with a factor of 1024: ``85.31 KiB``, ``512 B``."""
    return _scaled(value, 1024, _IEC, " ", digits)


def exact(value: int) -> str:
    """Return ``value`` in full with thousands apart: ``25,557,032``."""
    return f"{value:,}"


def shape(dims: Iterable[int]) -> str:
    """Return ``1x3x224x224``; a tensor without dimensions is a ``scalar``."""
    return "x".join(map(str, dims)) or "scalar"


def by_axis(texts: Sequence[str]) -> str:
    """Return ``3`` where all axes have it, ``3x5`` where they differ."""
    return texts[0] if len(set(texts)) == 1 else "x".join(texts)


def counted(number: int, noun: str) -> str:
    """Return ``1 row``, ``1,200 rows``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def setting(value: object) -> str:
    """Return a layer's setting: ``3`` where all axes have it, ``3x5`` where not, ``0+1`` before and after, ``yes``."""
    if isinstance(value, tuple):
        return by_axis(["+".join(map(setting, item)) if isinstance(item, tuple) else setting(item) for item in value])
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def printable(text: str, *, ascii_only: bool = False) -> str:
    """Return ``text`` with what a terminal would act on, or cannot show, written as an escape."""
    if text.isascii() and text.isprintable():
        return text
    if ascii_only:
        text = text.encode("ascii", "backslashreplace").decode("ascii")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def _scaled(value: int, base: int, names: tuple[str, ...], gap: str, digits: int) -> str:
    if abs(value) < base:
        return f"{value}{gap}{names[0]}".strip()
    scaled, step = float(value), 0
    # Compare the printed value: 999_999 must read 1.000M, never 1000.0K.
    while step + 1 < len(names) and abs(_rounded(scaled, digits)) >= base:
        scaled, step = scaled / base, step + 1
    return f"{scaled:.{_decimals(_rounded(scaled, digits), digits)}f}{gap}{names[step]}"


def _rounded(value: float, digits: int) -> float:
    return round(value, _decimals(value, digits))


def _decimals(value: float, digits: int) -> int:
    return max(0, digits - len(str(int(abs(value)))))
