"""A difference is never surer than the two numbers that it is made of."""

from __future__ import annotations

import pytest

from convinspect.diff.amounts import UNKNOWN, Amount, Change, change, percent
from convinspect.render.text import ASCII

FIVE, EIGHT = Amount(5), Amount(8)
AT_LEAST_FIVE, AT_LEAST_EIGHT = Amount(5, at_least=True), Amount(8, at_least=True)


@pytest.mark.parametrize(
    ("before", "after", "value", "bound"),
    [
        (FIVE, EIGHT, 3, "exact"),
        (EIGHT, FIVE, -3, "exact"),
        (FIVE, AT_LEAST_EIGHT, 3, "at_least"),
        (AT_LEAST_FIVE, EIGHT, 3, "at_most"),
        (AT_LEAST_FIVE, AT_LEAST_EIGHT, None, "unknown"),
        (AT_LEAST_FIVE, AT_LEAST_FIVE, None, "unknown"),
        (UNKNOWN, EIGHT, None, "unknown"),
        (FIVE, UNKNOWN, None, "unknown"),
        (UNKNOWN, UNKNOWN, None, "unknown"),
    ],
)
def test_a_difference_is_exact_a_bound_or_unknown(before: Amount, after: Amount, value: int | None, bound: str) -> None:
    found = Change(before, after)
    assert (found.value, found.bound) == (value, bound)


def test_a_known_and_an_unknown_amount_are_at_least_the_known_one() -> None:
    assert FIVE + UNKNOWN == AT_LEAST_FIVE
    assert UNKNOWN + UNKNOWN == UNKNOWN
    assert Amount(13, at_least=True) == FIVE + AT_LEAST_EIGHT


@pytest.mark.parametrize(
    ("before", "after", "said", "share"),
    [
        (FIVE, EIGHT, "+3", "+60.0%"),
        (EIGHT, FIVE, "-3", "-37.5%"),
        (FIVE, FIVE, "", ""),
        (Amount(0), EIGHT, "+8", ""),
        (UNKNOWN, EIGHT, "?", "?"),
        (FIVE, AT_LEAST_EIGHT, ">= +3", ">= +60.0%"),
        (AT_LEAST_FIVE, EIGHT, "<= +3", "?"),
        (AT_LEAST_FIVE, AT_LEAST_EIGHT, "?", "?"),
        (Amount(10**9), Amount(10**9 + 1), "+1", "+<0.01%"),
        (Amount(10**9), Amount(1), "-999,999,999", "-99.9%"),
        (Amount(8), Amount(0), "-8", "-100.0%"),
    ],
)
def test_a_change_is_written_with_its_sign_and_its_bound(before: Amount, after: Amount, said: str, share: str) -> None:
    assert change("params", Change(before, after), ASCII) == said
    assert percent(Change(before, after), ASCII) == share
