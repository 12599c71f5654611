"""The table of a diff: fits its width, whole numbers, colour only where it is asked for."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace

import pytest
from rich.cells import cell_len

from convinspect.diff import render
from convinspect.diff.compare import compare
from convinspect.diff.difference import Diff
from convinspect.render.options import Options
from tests.diff.reports import Mod, conv, relu, report, seq

_NUMBER = re.compile(r"[+-][\d,.]+[KMG%]?")


def wide() -> Diff:
    """Return a diff with long names and numbers in every column."""

    def stage(width: int, size: int) -> Mod:
        layer = conv("a_layer_with_a_very_long_name_indeed", 512, width, size=size, given=224)
        return seq("stage", replace(layer, field=size, allocated=width * 10**6), relu("act", width, size))

    return compare(report(stage(1024, 112)), report(stage(4096, 56)))


@pytest.mark.parametrize("width", [80, 100, 120, 160, 200])
def test_every_width_shows_whole_numbers_and_no_line_is_longer(width: int) -> None:
    text = render(wide(), options=Options(width=width))
    assert max(map(cell_len, text.splitlines())) <= width
    rows = text.split("\nLayer")[1]
    full = render(wide(), options=Options(width=400)).split("\nLayer")[1]
    assert set(_NUMBER.findall(rows)) <= set(_NUMBER.findall(full))
    assert "+14,155,776" in rows


def test_columns_that_do_not_fit_are_named() -> None:
    assert "left out: RF, Activations" in render(wide(), options=Options(width=80)).replace(
        "Activations, RF", "RF, Activations"
    )
    assert "left out" not in render(wide(), options=Options(width=200))


def test_columns_in_which_nothing_changed_are_not_there() -> None:
    text = render(compare(report(relu("r", 8)), report(replace(relu("r", 8), type="GELU"))))
    assert "Params" not in text
    assert text.splitlines()[-1].startswith("~ \u2514 r: ReLU \u2192 GELU")


def test_colours_come_only_where_they_are_asked_for() -> None:
    assert "\x1b" not in render(wide())
    colored = render(wide(), options=Options(color=True))
    assert "\x1b[33m" in colored
    assert re.sub(r"\x1b\[[\d;]*m", "", colored).split() == render(wide()).split()


def test_ascii_is_ascii() -> None:
    module = conv("\u00e9\u4e2d", 3, 8)
    assert render(compare(report(relu("r", 8)), report(relu("r", 8), module)), options=Options(ascii=True)).isascii()


def test_a_name_is_no_markup_and_no_escape() -> None:
    module = replace(conv("[red]x[/red]\x1b[31m\n:smile:", 3, 8), type="[bold]")
    text = render(compare(report(relu("r", 8)), report(relu("r", 8), module)), options=Options(width=120, color=True))
    assert r"[red]x[/red]\x1b[31m\n:smile:" in text
    assert "[bold]" in text


def test_a_removed_layer_says_what_went_without_a_share() -> None:
    a, b = conv("a", 3, 8), conv("b", 8, 8)
    line = render(compare(report(a, b), report(a))).splitlines()[-2]
    assert line.startswith("- \u251c b: Conv2d")
    assert "-576" in line
    assert "%" not in line


def test_only_the_table_brings_rich_in() -> None:
    code = (
        "import sys; from convinspect.diff.compare import compare; from convinspect.diff import render\n"
        "from tests.diff.reports import report, relu\n"
        "d = compare(report(relu('a', 3)), report(relu('b', 3), relu('c', 4)))\n"
        "render(d, 'json'), render(d, 'markdown')\n"
        "assert not {'rich', 'torch', 'click'} & set(sys.modules), 'heavy'\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
