"""Labelled paragraphs: a label at the margin, its text wrapped beside it."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING

from convinspect.render.glyphs import cells, clean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

_GAP = 2

# A number and its unit stay on one line. No break comes at this space, and `clean` leaves none in the text.
_STUCK = "\N{NO-BREAK SPACE}"
_UNIT = re.compile(r"(?<=\d) (?=(?:B|[KMGTPE]iB|%)(?!\w))")


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
    return max((cells(line.label) for line in lines), default=0) + _GAP


def paragraphs(
    lines: Iterable[Line], indent: int, width: int, paint: Callable[[str, str], str], *, ascii_only: bool
) -> Iterator[str]:
    """Yield ``lines`` wrapped to ``width`` cells, their texts beginning at ``indent``."""
    for line in lines:
        text = clean(line.text, ascii_only=ascii_only)
        text = _UNIT.sub(_STUCK, text)
        wrapped = textwrap.wrap(text, max(width - indent, 1), break_on_hyphens=False, break_long_words=False)
        for i, part in enumerate(one.replace(_STUCK, " ") for one in wrapped or [""]):
            label = "" if i else line.label
            yield paint(label + " " * (indent - cells(label)), "bold") + _painted(part, line, paint)


def _painted(part: str, line: Line, paint: Callable[[str, str], str]) -> str:
    if not line.letters:
        return paint(part, line.style)
    return "".join(paint("".join(run), line.letters.get(letter, line.style)) for letter, run in groupby(part))
