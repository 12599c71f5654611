"""The few signs that a table draws with, their ASCII forms, and how wide text is."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Glyphs:
    """The signs of one table. ``branch``, ``last`` and ``pass_by`` are single cells of the tree."""

    branch: str
    last: str
    pass_by: str
    dash: str
    rule: str
    ellipsis: str
    at_least: str
    at_most: str


UNICODE = Glyphs("├", "└", "│", "─", "─", "…", "≥", "≤")
ASCII = Glyphs("|", "`", "|", "-", "-", "..", ">=", "<=")


def clean(text: str, *, ascii_only: bool) -> str:
    """Return ``text`` with what a terminal would act on, or cannot show, written as an escape.

    Names come from other people's models and files: a colour code among them stays visible text.
    """
    if text.isascii() and text.isprintable():
        return text
    if ascii_only:
        text = text.encode("ascii", "backslashreplace").decode("ascii")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def cells(text: str) -> int:
    """Return how many terminal cells ``text`` takes."""
    if text.isascii():
        return len(text)
    return sum(_cell(c) for c in text)


def _cell(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def shorten(text: str, width: int, glyphs: Glyphs) -> str:
    """Return ``text`` in at most ``width`` cells, its middle left out where it is longer."""
    if cells(text) <= width:
        return text
    room = max(width - cells(glyphs.ellipsis), 2)
    head, tail = _prefix(text, room - room // 2), _prefix(text[::-1], room // 2)[::-1]
    return head + glyphs.ellipsis + tail


def _prefix(text: str, width: int) -> str:
    used = 0
    for i, character in enumerate(text):
        used += _cell(character)
        if used > width:
            return text[:i]
    return text
