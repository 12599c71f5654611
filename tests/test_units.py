"""Numbers as people read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convinspect import units


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0, "0"),
        (999, "999"),
        (1_000, "1.000K"),
        (480_500, "480.5K"),
        (999_949, "999.9K"),
        (999_999, "1.000M"),
        (25_557_032, "25.56M"),
        (4_089_184_256, "4.089G"),
        (70 * 10**9, "70.00G"),
        (-1_500, "-1.500K"),
        (10**21, "1000E"),
    ],
)
def test_counts_have_four_figures_and_a_factor_of_a_thousand(value: int, said: str) -> None:
    assert units.count(value) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0, "0 B"),
        (512, "512 B"),
        (1023, "1023 B"),
        (1024, "1.000 KiB"),
        (87_360, "85.31 KiB"),
        (1023 * 1024, "1023 KiB"),
        (1024**2 - 1, "1.000 MiB"),
        (1024**3, "1.000 GiB"),
        (-2048, "-2.000 KiB"),
    ],
)
def test_bytes_have_four_figures_and_a_factor_of_1024(value: int, said: str) -> None:
    assert units.size(value) == said


def test_exact_counts_have_their_thousands_apart() -> None:
    assert units.exact(25_557_032) == "25,557,032"


@given(st.integers(0, 10**21))
def test_a_count_is_off_by_less_than_half_of_its_last_figure(value: int) -> None:
    text = units.count(value)
    factor = {"K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18}.get(text[-1], 1)
    assert abs(float(text.rstrip("KMGTPE")) * factor - value) <= 0.0005001 * value


@given(st.integers(0, 10**18), st.integers(0, 10**18))
def test_a_greater_count_never_reads_smaller(a: int, b: int) -> None:
    order = "KMGTPE"

    def key(text: str) -> tuple[int, float]:
        return order.find(text[-1]), float(text.rstrip(order))

    low, high = sorted((a, b))
    assert key(units.count(low)) <= key(units.count(high))


@given(st.integers(0, 2**70))
def test_bytes_never_read_more_than_1024_of_a_unit(value: int) -> None:
    number, unit = units.size(value).split()
    assert float(number) < 1024 or unit == "EiB"
