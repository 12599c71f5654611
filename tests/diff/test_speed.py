"""Thousands of rows take a second or two, also where nothing is as it was."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import pytest

from convinspect.diff import render
from convinspect.diff.compare import compare
from tests.diff.reports import Mod, block, conv, relu, report, seq

_SECONDS = 2.0


def flat(count: int, width: int = 8) -> list[Mod]:
    kinds = (conv("", 3, width), relu("", width), conv("", width, 3, kernel=1), relu("", 3))
    return [replace(kinds[i % 4], name=str(i)) for i in range(count)]


def nested(count: int, width: int = 8) -> list[Mod]:
    return [seq(f"stage{i}", *(block(f"b{j}", width + i % 3, width) for j in range(12))) for i in range(count // 37)]


def strangers(count: int, width: int) -> list[Mod]:
    """Return layers that are all different."""
    return [conv(f"x{width}_{i}", 3, width * 1000 + i) for i in range(count)]


PAIRS: dict[str, tuple[Sequence[Mod], Sequence[Mod]]] = {
    "equal": (nested(2000), nested(2000)),
    "every width changed": (nested(2000), nested(2000, 9)),
    "one row in front of a flat list": (flat(2000), [relu("new", 3), *flat(2000)]),
    "all of a flat list changed and one in front": (flat(2000), [relu("new", 3), *flat(2000, 9)]),
    "all different": (strangers(2000, 1), strangers(2000, 2)),
    "half as long": (flat(2000), flat(1000, 9)),
    "all of one kind": ([relu(str(i), i % 7) for i in range(2000)], [relu(str(i), i % 5) for i in range(2000)]),
    "all added": ([relu("r", 3)], flat(2000)),
}


@pytest.mark.parametrize("name", PAIRS)
def test_two_thousand_rows_are_compared_in_two_seconds(name: str) -> None:
    before, after = (report(*side) for side in PAIRS[name])
    start = time.process_time()
    diff = compare(before, after)
    render(diff, "markdown")
    assert time.process_time() - start < _SECONDS


def test_five_times_the_rows_take_not_much_more_than_five_times_as_long() -> None:
    def seconds(count: int) -> float:
        before, after = report(*flat(count)), report(relu("new", 3), *flat(count, 9))
        start = time.process_time()
        compare(before, after)
        return time.process_time() - start

    seconds(100)
    assert seconds(5000) < 12 * min(seconds(1000), seconds(1000)) + 0.5


def test_a_tree_as_deep_as_it_is_long_is_no_recursion() -> None:
    deep = relu("r", 3)
    for i in range(300):
        deep = seq(f"l{i}", deep)
    other = relu("r", 4)
    for i in range(300):
        other = seq(f"l{i}", other)
    diff = compare(report(deep), report(other))
    assert len(diff.rows) == 302
    render(diff, "markdown")
