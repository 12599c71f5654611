"""Labelled paragraphs: where lines may break."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from convinspect.render.text import ASCII, UNICODE, Glyphs, Line, paragraphs

SHARES = "weights 85.31 KiB, activations 39.38 MiB, input 160 B, difference +1.5 %, 4 Bottleneck blocks"


def wrapped(text: str, width: int, glyphs: Glyphs = UNICODE) -> list[str]:
    return list(paragraphs([Line("", text)], 0, width, lambda part, _: part, glyphs))


@given(width=st.integers(12, 120))
def test_a_number_and_its_unit_stay_on_one_line(width: int) -> None:
    for glyphs in (UNICODE, ASCII):
        lines = wrapped(SHARES, width, glyphs)
        assert " ".join(lines) == SHARES
        assert not any(re.match(r"(?:[KM]iB|B|%)\b", line) for line in lines)
        assert max(map(len, lines)) <= width


def test_a_number_before_a_word_may_stand_at_the_end_of_a_line() -> None:
    assert wrapped("has 4 Bottlenecks", 6) == ["has 4", "Bottlenecks"]
