"""Amounts: what people write, read exactly, and everything else refused with a reason."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convinspect import units
from convinspect.check.amounts import Unit, parse_amount, parse_growth, parse_share
from convinspect.errors import UsageError

UNITS: tuple[Unit, ...] = ("count", "bytes", "positions")


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("5000000", "count", 5_000_000),
        ("1_000_000", "count", 10**6),
        ("25,557,032", "count", 25_557_032),
        ("1.2M", "count", 1_200_000),
        ("1.2 M", "count", 1_200_000),
        ("600m", "count", 600_000_000),
        (".5G", "count", 500_000_000),
        ("1e6", "count", 10**6),
        ("3T", "count", 3 * 10**12),
        (4_000_000, "count", 4_000_000),
        (5e6, "count", 5_000_000),
        (0, "count", 0),
        ("0.1M", "count", 100_000),
        ("4096", "bytes", 4096),
        ("48 MiB", "bytes", 48 * 2**20),
        ("2GiB", "bytes", 2 * 2**30),
        ("20MB", "bytes", 20 * 10**6),
        ("1kB", "bytes", 1000),
        ("1kib", "bytes", 1024),
        ("1.5KiB", "bytes", 1536),
        ("512 B", "bytes", 512),
        ("1TB", "bytes", 10**12),
        ("0.1GiB", "bytes", Fraction(2**30, 10)),
        (128, "positions", 128),
        ("1,024", "positions", 1024),
    ],
)
def test_an_amount_is_read_exactly(text: object, unit: Unit, value: Fraction) -> None:
    assert parse_amount(text, unit, "x") == value


@pytest.mark.parametrize(
    ("text", "unit", "says"),
    [
        ("NaN", "count", "not a limit"),
        (float("nan"), "count", "not a limit"),
        ("inf", "bytes", "not a limit"),
        (float("-inf"), "bytes", "not a limit"),
        ("-5M", "count", "is negative"),
        (-1, "bytes", "is negative"),
        ("5%", "count", "a share, and this is a limit in a count"),
        ("5%", "bytes", "a share, and this is a limit in bytes"),
        ("20MB", "count", "a size, and this is a limit in a count"),
        ("48MiB", "count", "a size, and this is a limit in a count"),
        ("7B", "count", "reads as bytes"),
        ("20M", "bytes", "a count, and this is a limit in bytes"),
        ("20Mb", "bytes", "reads as bits"),
        ("5 bananas", "count", "no unit 'bananas'"),
        ("5Q", "bytes", "no unit 'Q'"),
        ("1.5", "count", "not a whole number"),
        ("0.0000001M", "count", "not a whole number"),
        ("3K", "positions", "a plain number"),
        ("", "count", "empty"),
        ("M", "count", "not an amount"),
        ("1__0", "count", "not an amount"),
        ("1,00", "count", "not an amount"),
        ("5M5", "count", "not an amount"),
        ("1e999999999", "count", "not an amount"),
        ("9" * 1000, "count", "not an amount"),
        ("1e99", "count", "larger than anything"),
        ("\u0665", "count", "not an amount"),
        (True, "count", "expected an amount, got true"),
        ([1], "count", "expected an amount, got a list"),
        (None, "count", "expected an amount"),
    ],
)
def test_what_is_no_amount_is_refused_with_its_place_and_an_example(text: object, unit: Unit, says: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse_amount(text, unit, "--max-x")
    assert raised.value.message.startswith("--max-x: ")
    assert says in raised.value.message
    assert raised.value.hint


@given(st.text(max_size=60) | st.floats() | st.integers() | st.booleans() | st.none(), st.sampled_from(UNITS))
def test_anything_is_an_amount_or_a_usage_error(value: object, unit: Unit) -> None:
    with suppress(UsageError):
        assert 0 <= parse_amount(value, unit, "x") < 2**63


@given(st.integers(0, 10**6), st.integers(0, 3), st.sampled_from(["", "K", "M", "G", "T"]))
def test_a_count_is_its_number_times_its_factor(number: int, digits: int, suffix: str) -> None:
    text = f"{Decimal(number).scaleb(-digits):f}{suffix}"
    factor = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}[suffix]
    exact = Fraction(number, 10**digits) * factor
    if exact.denominator == 1:
        assert parse_amount(text, "count", "x") == exact
    else:
        with pytest.raises(UsageError):
            parse_amount(text, "count", "x")


@given(st.integers(0, 2**62))
def test_what_a_report_prints_is_read_back_within_its_rounding(value: int) -> None:
    assert parse_amount(units.exact(value), "count", "x") == value
    for text, unit in ((units.count(value), "count"), (units.size(value), "bytes")):
        assert abs(parse_amount(text, unit, "x") - value) <= Fraction(value, 1000)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "share"), [("5%", Fraction(1, 20)), ("0.5 %", Fraction(1, 200)), ("200%", 2), ("0%", 0)]
)
def test_a_share_has_a_percent_sign(text: str, share: Fraction) -> None:
    assert parse_share(text, "x") == share


@pytest.mark.parametrize(
    ("text", "says"),
    [("5", "no unit"), (0.05, "no unit"), ("-5%", "negative"), ("nan%", "not a limit"), ("5M%", "not a percentage")],
)
def test_a_share_without_one_is_refused(text: object, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        parse_share(text, "x")


def test_growth_is_a_share_or_an_amount() -> None:
    assert parse_growth("5%", "count", "x") == (Fraction(1, 20), True)
    assert parse_growth("100K", "count", "x") == (100_000, False)
    assert parse_growth("8MiB", "bytes", "x") == (8 * 2**20, False)
    assert parse_growth(0, "count", "x") == (0, False)
    assert parse_growth("12", "positions", "x") == (12, False)


@pytest.mark.parametrize("value", [5, "8", "1_000", 0.05])
def test_growth_without_a_unit_could_be_meant_either_way(value: object) -> None:
    with pytest.raises(UsageError, match="no unit"):
        parse_growth(value, "count", "x")
