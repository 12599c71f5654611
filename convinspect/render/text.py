"""Text in the cells of a terminal: the signs it is drawn with and their meaning, its width, and where lines break."""

from __future__ import annotations

import re
import textwrap
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from convinspect.units import printable

# A number and its unit stay on one line. No break comes at this space, and `clean` leaves none in the text.
_STUCK = "\N{NO-BREAK SPACE}"
_UNIT = re.compile(r"(?<=\d) (?=(?:B|[KMGTPE]iB|%)(?!\w))")


@dataclass(frozen=True, slots=True)
class Glyphs:
    """The signs of one table. ``branch``, ``last`` and ``pass_by`` are single cells of the tree."""

    branch: str
    last: str
    pass_by: str
    rule: str
    ellipsis: str
    at_least: str
    at_most: str
    nothing: str
    dot: str
    arrow: str
    times: str

    @property
    def ascii_only(self) -> bool:
        """Whether all of them are ASCII."""
        return self.ellipsis.isascii()


UNICODE = Glyphs("├", "└", "│", "─", "…", "≥", "≤", "·", "·", "→", "\u00d7")
ASCII = Glyphs("|", "`", "|", "-", "..", ">=", "<=", "-", "|", "->", "x")


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


def wrapped(text: str, width: int, indent: int, glyphs: Glyphs) -> list[str]:
    """Return ``text`` in lines of at most ``width`` cells, all but the first indented; only longer words are broken."""
    stuck = _UNIT.sub(_STUCK, clean(text, glyphs))
    lines = textwrap.wrap(stuck, max(width, indent + 1), subsequent_indent=" " * indent, break_on_hyphens=False)
    return [line.replace(_STUCK, " ").rstrip() for line in lines]


def joined(parts: Sequence[str], width: int, glyphs: Glyphs) -> list[str]:
    """Return ``parts`` with dots between them, in as many lines of at most ``width`` cells as they take."""
    lines: list[str] = []
    for part in parts:
        longer = f"{lines[-1]} {glyphs.dot} {part}" if lines else part
        if lines and text_width(longer) <= width:
            lines[-1] = longer
        else:
            lines += wrapped(part, width, 2, glyphs)
    return lines


class Sign(Enum):
    """A sign, in the order of the legend: ``shown`` is how the legend writes it, ``pattern`` finds it in a cell.

    A ``plain`` one needs no word on a page without definitions.
    """

    MORE = "+n", r" \+\d+$", "n more tensors of the same layer", False
    NONE = "none", "^none$", "gives no tensor: nothing, a number, or an object that cannot be looked into", False
    ALL = "all", r"all", "RF: the whole input", True
    GATED = "all (n)", r"all \(", "RF: the whole input; in brackets with that set aside", False
    EXTENTS = "axb", r"\dx\d", "RF: one extent for each spatial axis of the input, where they differ", True
    LOCAL = "(n)", r"^\(", "Stride, Start: with what makes the RF global set aside", False
    CENTRE = "~n", "~", "RF: of the unit that sees most, clipped to the input", True
    DATA = "data", "^data$", "RF: it depends on the data", False
    AT_MOST = "{glyphs.at_most}", "^(≤|<=)", "RF: at most", False
    FROZEN = "*", r"\*$", "frozen, all or some of them: these take no gradient", False
    COUNTED = "(n)", r"^\(", "Params: counted at the first call", False
    AT_LEAST = "{glyphs.at_least}", "^(≥|>=)", "at least: some operators have no rule", False
    UNKNOWN = "?", r"^\?$", "not known", False

    def __init__(self, shown: str, pattern: str, meaning: str, plain: bool) -> None:  # noqa: FBT001 - a word of a table
        self.shown = shown
        self.pattern = pattern
        self.meaning = meaning
        self.plain = plain
