"""A report's layers as a tree: who encloses whom, and sums that no one needs to trust."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given

from convinspect.report import Layer
from convinspect.tree import add_up, leaves, tree_of
from tests.layers import layer, trees


def below(rows: Sequence[Layer], i: int) -> list[Layer]:
    """Return row ``i`` and what is below it: the rows up to the next that is no deeper."""
    end = next((j for j in range(i + 1, len(rows)) if rows[j].depth <= rows[i].depth), len(rows))
    return list(rows[i:end])


@given(trees())
def test_a_node_adds_up_its_layer_and_all_below_it(rows: tuple[Layer, ...]) -> None:
    for i, node in enumerate(tree_of(rows)):
        part = below(rows, i)
        assert node.sums == add_up(part)
        assert node.sums.params == sum(row.params for row in part)
        assert node.sums.trainable_params == sum(row.trainable_params for row in part)
        assert node.sums.buffers == sum(row.buffers for row in part)
        assert node.sums.param_bytes == sum(row.param_bytes for row in part)
        assert node.sums.buffer_bytes == sum(row.buffer_bytes for row in part)
        assert node.leaf == (len(part) == 1)


@given(trees())
def test_the_parent_is_the_last_row_before_that_is_less_deep(rows: tuple[Layer, ...]) -> None:
    for i, node in enumerate(tree_of(rows)):
        before = [row for row in rows[:i] if row.depth < rows[i].depth]
        assert (node.parent.layer if node.parent else None) is (before[-1] if before else None)
        assert node.level == rows[i].depth


def test_macs_are_summed_as_far_as_they_are_known_and_the_status_says_whether_that_is_all() -> None:
    known, other, unknown = layer(1, macs=5), layer(1, macs=2), layer(1, macs=None)
    assert (add_up((known, other)).macs, add_up((known, other)).macs_status) == (7, "exact")
    assert (add_up((known, unknown)).macs, add_up((known, unknown)).macs_status) == (5, "lower_bound")
    assert (add_up((unknown, unknown)).macs, add_up((unknown, unknown)).macs_status) == (None, "unknown")
    assert (add_up(()).macs, add_up(()).macs_status) == (None, "unknown")


def test_bytes_are_unknown_where_a_row_that_ran_does_not_know_them_or_none_ran() -> None:
    known, unknown, idle = layer(1, allocated=5), layer(1, allocated=None), layer(1, allocated=None, call=0)
    assert add_up((known, known)).memory.allocated_bytes == 10
    assert add_up((known, idle)).memory.allocated_bytes == 5
    assert add_up((known, unknown)).memory.allocated_bytes is None
    assert add_up((idle, idle)).memory.allocated_bytes is None


def test_idle_rows_below_a_row_that_ran_make_no_sum_unknown() -> None:
    idle = (layer(1, allocated=None, call=0), layer(2, allocated=None, call=0))
    node = tree_of((layer(0, allocated=3), *idle))[0]
    assert node.sums.memory.allocated_bytes == 3


def test_rows_deeper_than_the_next_level_hang_on_the_row_before() -> None:
    rows = (layer(0), layer(3, params=1), layer(2, params=2), layer(3, params=4))
    assert [node.level for node in tree_of(rows)] == [0, 1, 1, 2]
    assert [node.sums.params for node in tree_of(rows)] == [7, 1, 6, 4]


def test_leaves_are_the_rows_with_none_below_them() -> None:
    rows = (layer(0), layer(1, params=1), layer(1), layer(2, params=2))
    assert [row.params for row in leaves(rows)] == [1, 2]
    assert leaves(()) == []
