"""What holds for every pair of reports, whatever became of the one in the other."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from rich.cells import cell_len

from convinspect.diff import render
from convinspect.diff.amounts import NO_CHANGE, Change
from convinspect.diff.compare import compare
from convinspect.diff.costs import MEASURES, total
from convinspect.diff.difference import Diff, counts_of
from convinspect.diff.lines import Line, lines_of
from convinspect.render.options import Options
from tests.diff.reports import report
from tests.diff.trees import Mods, pairs, trees

Pair = tuple[Mods, Mods]
# Text takes longer than numbers, and the first one waits for rich.
_FEWER = settings(max_examples=30, deadline=None)
_OF_ROWS = ("params", "trainable_params", "buffers", "param_bytes", "buffer_bytes", "macs")


def diff_of(pair: Pair) -> Diff:
    return compare(report(*pair[0]), report(*pair[1], name="Net"))


@given(pairs)
def test_every_row_of_either_report_is_in_the_diff_exactly_once(pair: Pair) -> None:
    diff = diff_of(pair)
    for side, whole in (("before", diff.before), ("after", diff.after)):
        rows = [getattr(row, side) for row in diff.rows if getattr(row, side) is not None]
        assert sorted(map(id, rows)) == sorted(map(id, whole.layers))
    after = [row.after for row in diff.rows if row.after is not None]
    assert list(map(id, after)) == list(map(id, diff.after.layers))


@given(pairs)
def test_own_costs_of_the_rows_add_up_to_the_totals_on_both_sides(pair: Pair) -> None:
    diff = diff_of(pair)
    whole = total(row.own for row in diff.rows)
    for name in _OF_ROWS:
        assert whole[name] == diff.totals[name], name


@given(pairs)
def test_known_differences_of_the_rows_add_up_to_the_difference_of_the_totals(pair: Pair) -> None:
    diff = diff_of(pair)
    for name in _OF_ROWS:
        changes = [row.own[name].value for row in diff.rows]
        whole = diff.totals[name].value
        if diff.totals[name].bound == "exact":
            assert sum(change or 0 for change in changes) == whole


@given(pairs)
def test_a_row_costs_what_it_and_the_rows_below_it_cost(pair: Pair) -> None:
    rows = diff_of(pair).rows
    for i, row in enumerate(rows):
        inside = rows[i : i + 1 + row.below]
        assert all(inner.depth > row.depth for inner in inside[1:])
        assert total([inner.own for inner in inside]) == row.total


@given(pairs, st.none() | st.integers(0, 4))
def test_the_lines_below_a_line_add_up_to_it(pair: Pair, depth: int | None) -> None:
    lines = lines_of(diff_of(pair), depth)
    for i, line in enumerate(lines):
        if line.is_open:
            below = _below(lines, i)
            # A line of the row itself stands only where it has something to say.
            own = [] if any(one.kind == "own" for one in below) else [line.row.own]
            assert total([*own, *(one.costs for one in below)]) == line.costs


def _below(lines: Sequence[Line], index: int) -> list[Line]:
    found = []
    for line in lines[index + 1 :]:
        if line.level <= lines[index].level:
            break
        if line.level == lines[index].level + 1:
            found.append(line)
    return found


@given(pairs)
def test_what_the_heading_counts_is_every_row_once(pair: Pair) -> None:
    diff = diff_of(pair)
    counts = counts_of(diff)
    numbers = (counts["added_rows"], counts["removed_rows"], counts["changed"], counts["renamed"], counts["moved"])
    assert sum(numbers) + counts["follow"] + counts["unchanged"] == len(diff.rows)


@given(trees)
def test_a_report_does_not_differ_from_itself(tree: Mods) -> None:
    diff = diff_of((tree, tree))
    assert not diff.differs
    assert {row.status for row in diff.rows} == {"unchanged"}
    assert "no difference" in render(diff)


@given(pairs)
def test_a_difference_is_told_whenever_the_documents_differ_in_the_rows(pair: Pair) -> None:
    diff = diff_of(pair)
    before, after = (json.dumps(one.to_dict()["layers"]) for one in (diff.before, diff.after))
    assert diff.differs == (before != after)


@given(pairs)
def test_the_other_way_round_the_totals_are_the_same_with_the_other_sign(pair: Pair) -> None:
    there, back = diff_of(pair), diff_of(pair[::-1])
    for name, change in there.totals.items():
        assert back.totals[name].value == (None if change.value is None else -change.value)
    assert there.differs == back.differs


@_FEWER
@given(pairs)
def test_two_runs_give_the_same_bytes(pair: Pair) -> None:
    for form in ("table", "json", "markdown"):
        assert render(diff_of(pair), form) == render(diff_of(pair), form)


@_FEWER
@given(pairs, st.sampled_from((40, 80, 120)))
def test_the_table_keeps_to_its_width_and_no_number_is_cut(pair: Pair, width: int) -> None:
    diff = diff_of(pair)
    text = render(diff, "table", Options(width=width))
    rows = text.splitlines()[3:]
    if width > 40:  # the totals alone take more than the narrowest
        assert max(map(cell_len, rows)) <= width
    if diff.differs:
        total = diff.totals["params"]
        assert f"{total.before.value:,}" in text
        assert f"{total.after.value:,}" in text


@_FEWER
@given(pairs)
def test_markdown_has_the_same_cells_in_every_row(pair: Pair) -> None:
    tokens = MarkdownIt("commonmark").enable("table").parse(render(diff_of(pair), "markdown"))
    widths: list[Counter[str]] = []
    for token in tokens:
        if token.type == "tr_open":
            widths.append(Counter())
        elif token.type in ("td_open", "th_open"):
            widths[-1][token.type] += 1
    for kind in ("td_open", "th_open"):
        assert len({width[kind] for width in widths if width[kind]}) <= 2  # two tables


@given(pairs)
def test_the_json_document_adds_up_without_the_rows_that_are_not_in_it(pair: Pair) -> None:
    diff = diff_of(pair)
    document = json.loads(render(diff, "json"))
    for name in ("params", "trainable_params", "buffers"):
        total = document["totals"][name]
        assert sum(change["own"][name]["change"] for change in document["changes"]) == total["change"]
    if document["totals"]["macs"]["status"] == "exact":
        changes = (change["own"]["macs"]["change"] for change in document["changes"])
        assert sum(changes) == document["totals"]["macs"]["change"]


def test_what_does_not_change_is_nothing() -> None:
    assert total([]) == dict.fromkeys(MEASURES, NO_CHANGE)
    assert Change(NO_CHANGE.before, NO_CHANGE.after).value == 0
