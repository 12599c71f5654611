"""What a reader is shown: a line where something was done, and a count of everything else."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from convinspect.diff import render
from convinspect.diff.compare import compare
from convinspect.render.options import Options
from tests.diff.reports import Mod, block, conv, numbered, relu, report, seq


def lines(before: Sequence[Mod], after: Sequence[Mod], depth: int | None = None) -> list[str]:
    """Return the labels of the table of rows."""
    text = render(compare(report(*before), report(*after)), options=Options(width=200, depth=depth, ascii=True))
    rows = text.split("\nLayer")[1].splitlines()[1:]
    # Columns stand two blanks apart, and no label has two behind its strokes of the tree.
    return [match[0] for row in rows if (match := re.match(r"..[ |`]*\S+( \S+)*", row))]


def stages(*widths: int) -> Mod:
    return seq("f", *numbered(*(block("", a, b) for a, b in pairwise(widths))))


def test_added_siblings_that_are_equal_share_a_line() -> None:
    assert lines([stages(3, 8)], [stages(3, 8, 8, 8, 8)]) == [
        "  Net",
        "  ` f: Sequential",
        "+   | 1-3: Block x3 (9 rows)",
        "    ` 3 rows unchanged",
    ]


def test_shifted_siblings_share_a_line() -> None:
    after = seq("f", *numbered(block("", 3, 3), block("", 3, 8), block("", 8, 8)))
    assert lines([stages(3, 8, 8)], [after]) == [
        "  Net",
        "  ` f: Sequential",
        "+   | 0: Block (3 rows)",
        ">   ` 0-1 -> 1-2: Block x2 (6 rows)",
    ]


def test_the_same_change_in_equal_blocks_is_shown_once() -> None:
    def wide(width: int) -> Mod:
        inner = (conv("up", 8, width), relu("act", width), conv("down", width, 8))
        return seq("f", *numbered(*[seq("", *inner, type="Block")] * 6))

    assert lines([wide(8)], [wide(32)]) == [
        "  Net",
        "  ` f: Sequential",
        "    | 0: Block",
        "~   | | up: Conv2d",
        "~   | | down: Conv2d",
        "    | ` 1 row follows (output)",
        "~   ` 1-5: Block x5 (like 0)",
    ]


def test_weights_that_were_all_frozen_are_one_line() -> None:
    body = stages(3, 8, 16)
    frozen = replace(
        body,
        children=tuple(
            replace(part, children=(replace(part.children[0], trainable=0), part.children[1])) for part in body.children
        ),
    )
    head = Mod("head", "Linear", params=90)
    assert lines([body, head], [frozen, head]) == [
        "  Net",
        "~ | f: Sequential (7 rows)",
        "  ` 1 row unchanged",
    ]


def test_a_block_of_another_class_is_one_line_where_it_was_rebuilt() -> None:
    ours = seq("neck", conv("a", 3, 8), conv("b", 8, 8), type="Old")
    theirs = seq("neck", conv("x", 3, 3), conv("y", 3, 3), conv("z", 3, 8), type="New")
    assert lines([ours], [theirs]) == ["  Net", "~ ` neck: Old -> New (3 -> 4 rows)"]


def test_a_class_that_was_only_renamed_leaves_its_layers_unchanged() -> None:
    ours = seq("neck", conv("a", 3, 8), conv("b", 8, 8), type="Old")
    assert lines([ours], [replace(ours, type="New")]) == ["  Net", "~ ` neck: Old -> New (3 rows)"]


def test_depth_tells_of_what_is_deeper_in_one_line() -> None:
    before, after = [stages(3, 8, 8)], [stages(3, 16, 8)]
    assert lines(before, after, depth=1) == ["  Net", "~ ` f: Sequential (2 of 7 rows changed)"]
    assert lines(before, after, depth=0) == ["~ Net (2 of 8 rows changed)"]


def test_a_removed_row_stands_where_it_stood() -> None:
    a, b, c = conv("a", 3, 8), conv("b", 8, 8), conv("c", 8, 4)
    assert lines([a, b, c], [a, c]) == ["  Net", "- | b: Conv2d", "  ` 2 rows unchanged"]
