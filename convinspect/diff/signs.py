"""The signs that text is written with, and names that cannot break it."""

from __future__ import annotations

from dataclasses import dataclass

from convinspect.units import printable


@dataclass(frozen=True, slots=True)
class Signs:
    """The signs that are not ASCII, and what stands for them where nothing else can be written."""

    arrow: str
    at_least: str
    at_most: str
    dot: str
    times: str

    @property
    def is_ascii(self) -> bool:
        """Whether names are to be written in ASCII as well."""
        return self.arrow.isascii()


UNICODE = Signs("\u2192", "\u2265", "\u2264", "\u00b7", "\u00d7")
ASCII = Signs("->", ">=", "<=", "-", "x")


def clean(text: str, signs: Signs) -> str:
    """Return ``text`` with what a terminal would act on, or cannot show, written as an escape."""
    return printable(text, ascii_only=signs.is_ascii)
