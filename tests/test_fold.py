"""Folding a report at a depth loses nothing: the rows go on adding up."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from convinspect.fold import at_depth
from convinspect.report import Layer, Model, Report, Run, Tool, TotalMemory, Totals
from tests.layers import layer, trees


def report(layers: tuple[Layer, ...]) -> Report:
    totals = Totals(0, 0, 0, 0, 0, 0, 0, None, None, "unknown", TotalMemory(0, 0, None, None, None))
    run = Run("cpu", "float32", 1)
    return Report(Tool("0", "2", "3"), Model("t", "T", "python", "eval"), run, (), (), layers, totals, (), ())


@given(trees(), st.integers(0, 6))
def test_own_numbers_add_up_to_the_same_at_every_depth(rows: tuple[Layer, ...], depth: int) -> None:
    folded = at_depth(report(rows), depth).layers
    for name in ("params", "trainable_params", "buffers", "param_bytes", "buffer_bytes"):
        assert sum(getattr(row, name) for row in folded) == sum(getattr(row, name) for row in rows)
    assert sum(row.macs or 0 for row in folded) == sum(row.macs or 0 for row in rows)


@given(trees(), st.integers(0, 6))
def test_what_is_left_are_the_rows_down_to_that_depth(rows: tuple[Layer, ...], depth: int) -> None:
    folded = at_depth(report(rows), depth).layers
    assert [row.depth for row in folded] == [row.depth for row in rows if row.depth <= depth]


@given(trees(), st.integers(0, 6), st.integers(0, 6))
def test_folding_twice_is_folding_once_at_the_lesser_depth(rows: tuple[Layer, ...], first: int, second: int) -> None:
    whole = report(rows)
    twice = at_depth(at_depth(whole, first), second)
    once = at_depth(whole, min(first, second))
    assert [row.params for row in twice.layers] == [row.params for row in once.layers]
    assert [row.macs for row in twice.layers] == [row.macs for row in once.layers]


def test_a_depth_that_holds_everything_changes_nothing() -> None:
    whole = report((layer(0), layer(1, params=3), layer(2, params=4)))
    assert at_depth(whole, 2) == whole


def test_a_folded_row_is_a_leaf_and_the_others_stay_as_they_were() -> None:
    rows = at_depth(report((layer(0), layer(1), layer(2, params=7), layer(1))), 1).layers
    assert [(row.leaf, row.params) for row in rows] == [(False, 0), (True, 7), (False, 0)]


def test_macs_are_unknown_only_where_none_is_known() -> None:
    rows = at_depth(report((layer(0, macs=None), layer(1, macs=None), layer(1, macs=5))), 0).layers
    assert rows[0].macs == 5
    rows = at_depth(report((layer(0, macs=None), layer(1, macs=None))), 0).layers
    assert rows[0].macs is None


def test_bytes_are_unknown_where_one_part_that_ran_is() -> None:
    ran = at_depth(report((layer(0), layer(1, allocated=None), layer(1, allocated=5))), 0).layers
    assert ran[0].memory.allocated_bytes is None
    idle = at_depth(report((layer(0), layer(1, allocated=None, call=0), layer(1, allocated=5))), 0).layers
    assert idle[0].memory.allocated_bytes == 5


def test_a_report_without_rows_stays_without() -> None:
    assert at_depth(report(()), 0).layers == ()
