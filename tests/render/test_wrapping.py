"""Sentences below the table: where lines may break."""

from __future__ import annotations

import itertools
import re

from hypothesis import given
from hypothesis import strategies as st

from convinspect.render.text import ASCII, UNICODE, joined, wrapped

SHARES = "weights 85.31 KiB, activations 39.38 MiB, input 160 B, difference +1.5 %, 4 Bottleneck blocks"


@given(width=st.integers(12, 120))
def test_a_number_and_its_unit_stay_on_one_line(width: int) -> None:
    for glyphs in (UNICODE, ASCII):
        lines = wrapped(SHARES, width, 0, glyphs)
        assert " ".join(lines) == SHARES
        assert not any(re.match(r"(?:[KM]iB|B|%)\b", line) for line in lines)
        assert max(map(len, lines)) <= width


def test_a_number_before_a_word_may_stand_at_the_end_of_a_line() -> None:
    assert wrapped("has 4 Bottlenecks", 11, 0, UNICODE) == ["has 4", "Bottlenecks"]


@given(st.lists(st.text("ab", min_size=1, max_size=12), min_size=1), st.integers(12, 60))
def test_parts_stand_beside_each_other_as_far_as_the_width_goes(parts: list[str], width: int) -> None:
    lines = joined(parts, width, UNICODE)
    assert max(map(len, lines)) <= width
    assert " · ".join(lines) == " · ".join(parts)
    assert all(len(a) + 3 + len(b.split()[0]) > width for a, b in itertools.pairwise(lines))
