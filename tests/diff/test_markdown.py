"""Markdown that GitHub shows as it was meant, whatever names a model has; markdown-it is the judge."""

from __future__ import annotations

from dataclasses import replace

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from convinspect.diff import render
from convinspect.diff.compare import compare
from convinspect.diff.markdown import LIMIT
from convinspect.render.options import Options
from tests.diff.reports import Mod, conv, numbered, relu, report, seq

_HOSTILE = (
    "a|b",
    "``",
    "`|`",
    "a\\|b",
    "<script>alert(1)</script>",
    "</details>",
    "line\nbreak",
    "@someone #1 :tada:",
    "![x](http://example.org/x.png)",
    "| a | b |\n|---|---|",
    "&lt;&#124;",
    " lead",
    "\u202eevil",
    "$x$",
    "a\tb",
)


def parsed(text: str) -> list[Token]:
    return MarkdownIt("gfm-like", {"html": True, "linkify": False}).parse(text)


def cells_of(text: str) -> list[list[Token]]:
    """Return the cells of each row of the tables."""
    rows: list[list[Token]] = []
    tokens = parsed(text)
    for i, token in enumerate(tokens):
        if token.type == "tr_open":
            rows.append([])
        elif token.type in ("td_open", "th_open"):
            rows[-1].append(tokens[i + 1])
    return rows


def words(token: Token) -> str:
    return "".join(child.content for child in token.children or () if child.type in ("text", "code_inline"))


@pytest.mark.parametrize("name", _HOSTILE)
def test_a_hostile_name_stays_text_in_its_cell(name: str) -> None:
    module = replace(conv(name.replace(".", "_"), 3, 8), type=name)
    text = render(compare(report(relu("r", 8)), report(relu("r", 8), module, name=name)), "markdown")
    rows = cells_of(text)
    assert len({len(row) for row in rows[:6]}) == 1
    assert len({len(row) for row in rows[6:]}) == 1
    shown = name.replace("\n", "\\n").replace("\t", "\\t").replace("\u202e", "\\u202e")
    assert shown.strip() in words(next(row[1] for row in rows[6:] if "Conv" not in row[1].content and row[0].content))
    children = [child for row in rows for cell in row for child in cell.children or ()]
    html = {child.content for child in children if child.type == "html_inline"}
    assert html <= {"<code>", "</code>", "<br>"}
    assert not {child.type for child in children} & {"image", "link_open", "em_open", "strong_open", "softbreak"}
    assert not any(token.type == "html_block" for token in parsed(text))


def test_a_comment_is_never_longer_than_github_takes() -> None:
    before = report(relu("r", 8))
    flat = [Mod(f"layer_with_a_rather_long_name_{i}", "Conv2d", params=9) for i in range(5_000)]
    text = render(compare(before, report(relu("r", 8), *flat)), "markdown")
    assert len(text.encode()) <= LIMIT
    assert "more lines" in text
    assert "45,000" in text  # the total is there all the same


def test_what_is_left_out_for_length_is_added_up_in_the_last_line() -> None:
    flat = [Mod(f"layer_with_a_rather_long_name_{i}", "Conv2d", params=9) for i in range(5_000)]
    text = render(compare(report(relu("r", 8)), report(relu("r", 8), *flat)), "markdown")
    rows = cells_of(text)[7:]
    shown = [int(row[3].content.replace(",", "").replace("+", "")) for row in rows[1:] if row[3].content]
    assert sum(shown) == 45_000


def test_deeper_rows_fold_before_any_is_left_out() -> None:
    def net(width: int) -> list[Mod]:
        return [
            seq(f"stage{i}", *(conv(f"a_long_name_of_a_layer_{j}_{i * j}", 3 + i, width) for j in range(40)))
            for i in range(60)
        ]

    text = render(compare(report(*net(8)), report(*net(9))), "markdown")
    assert len(text.encode()) <= LIMIT
    assert "more lines" not in text
    assert text.count("40 of 41 rows changed") == 60


def test_a_name_as_long_as_a_book_does_not_break_the_limit() -> None:
    book = "x" * 100_000
    diff = compare(report(relu("r", 8), name=book), report(conv(book, 3, 8), name=book))
    assert len(render(diff, "markdown").encode()) <= LIMIT


def test_a_long_table_is_shut_and_a_short_one_is_open() -> None:
    few, many = ([conv(f"c{i}", 3, i + 1) for i in range(count)] for count in (3, 60))
    start = [relu("r", 8)]
    assert "<details>" not in render(compare(report(*start), report(*start, *few)), "markdown")
    long = render(compare(report(*start), report(*start, *many)), "markdown")
    assert long.count("<details>") == long.count("</details>") == 1
    assert len(cells_of(long)) > 60  # the table inside is a table still


def test_no_difference_is_one_sentence() -> None:
    text = render(compare(report(relu("r", 8)), report(relu("r", 8))), "markdown")
    assert text.endswith("**no difference: every row, every shape and every total is as it was**")
    assert cells_of(text) == []


def test_the_depth_that_was_asked_for_holds_in_markdown_too() -> None:
    before, after = (seq("f", *numbered(conv("", 3, width), relu("", width))) for width in (8, 9))
    text = render(compare(report(before), report(after)), "markdown", Options(depth=1))
    assert "1 of 3 rows changed" in text
