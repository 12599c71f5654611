"""Text in the cells of a terminal: the signs it is drawn with, how wide it is, and paragraphs beside labels."""

from __future__ import annotations

import re
import textwrap
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby

from convinspect.units import printable

_GAP = 2

# A number and its unit stay on one line. No break comes at this space, and `clean` leaves none in the text.
_STUCK = "\N{NO-BREAK SPACE}"
_UNIT = re.compile(r"(?<=\d) (?=(?:B|[KMGTPE]iB|%)(?!\w))")


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

    @property
    def ascii_only(self) -> bool:
        """Whether all of them are ASCII."""
        return self.ellipsis.isascii()


UNICODE = Glyphs("├", "└", "│", "─", "─", "…", "≥", "≤")
ASCII = Glyphs("|", "`", "|", "-", "-", "..", ">=", "<=")


def clean(text: str, glyphs: Glyphs) -> str:
    """Return ``text`` with what a terminal would act on, or cannot show beside ``glyphs``, written as an escape.

    Names come from other people's models and files: a colour code among them stays visible text.
    """
    return printable(text, ascii_only=glyphs.ascii_only)


def text_width(text: str) -> int:
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
    if text_width(text) <= width:
        return text
    room = max(width - text_width(glyphs.ellipsis), 2)
    head, tail = _prefix(text, room - room // 2), _prefix(text[::-1], room // 2)[::-1]
    return head + glyphs.ellipsis + tail


def _prefix(text: str, width: int) -> str:
    used = 0
    for i, character in enumerate(text):
        used += _cell(character)
        if used > width:
            return text[:i]
    return text


@dataclass(frozen=True, slots=True)
class Line:
    """A paragraph beside its label; without a label it goes on under the one before.

    ``letters`` has the style of each letter of a bar.
    """

    label: str
    text: str
    style: str = ""
    letters: Mapping[str, str] = field(default_factory=dict)


def margin(lines: Iterable[Line]) -> int:
    """Return how many cells the labels of ``lines`` take, and the gap beside them."""
    return max((text_width(line.label) for line in lines), default=0) + _GAP


def paragraphs(
    lines: Iterable[Line], indent: int, width: int, paint: Callable[[str, str], str], glyphs: Glyphs
) -> Iterator[str]:
    """Yield ``lines`` wrapped to ``width`` cells, their texts beginning at ``indent``."""
    for line in lines:
        text = clean(line.text, glyphs)
        text = _UNIT.sub(_STUCK, text)
        wrapped = textwrap.wrap(text, max(width - indent, 1), break_on_hyphens=False, break_long_words=False)
        for i, part in enumerate(one.replace(_STUCK, " ") for one in wrapped or [""]):
            label = "" if i else line.label
            yield paint(label + " " * (indent - text_width(label)), "bold") + _painted(part, line, paint)


def _painted(part: str, line: Line, paint: Callable[[str, str], str]) -> str:
    if not line.letters:
        return paint(part, line.style)
    return "".join(paint("".join(run), line.letters.get(letter, line.style)) for letter, run in groupby(part))
