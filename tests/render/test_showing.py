"""A report shows itself: printed, by rich, in a notebook, as a data frame."""

from __future__ import annotations

import io
import subprocess
import sys

import pytest
from rich.console import Console

from convinspect.errors import UsageError
from convinspect.render import Options, render

from . import nets


def test_printing_a_report_shows_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert str(nets.lenet()) == render(nets.lenet(), "table", Options(width=80))
    assert str(nets.lenet().table("params", 0)).splitlines()[-1] == "  8 rows folded: --depth all"


@pytest.mark.parametrize("width", [40, 80, 120])
def test_rich_shows_the_same_page_as_wide_as_its_console(width: int) -> None:
    file = io.StringIO()
    Console(file=file, width=width).print(nets.odd())
    lines = [line.rstrip() for line in file.getvalue().splitlines()]
    assert lines == render(nets.odd(), "table", Options(width=width)).splitlines()


def test_rich_colours_it_and_exports_it() -> None:
    console = Console(file=io.StringIO(), width=80, force_terminal=True, color_system="truecolor", record=True)
    console.print(nets.lenet().table(columns="default,saved"))
    assert "conv1" in console.export_svg()


def test_a_notebook_shows_one_table_without_a_script() -> None:
    made = nets.report("<script>", (nets.layer("", "<b>Net", 0, (1,)),))
    html = made._repr_html_()
    assert html.startswith("<table")
    assert html.count("<table") == 1
    assert "<script" not in html
    assert "&lt;b&gt;Net" in html


def test_what_is_not_there_is_told_when_the_table_is_made() -> None:
    with pytest.raises(UsageError, match="no column flopps"):
        nets.lenet().table("flopps")
    with pytest.raises(UsageError, match="no module of that path"):
        str(nets.lenet().table(only="conv9"))


def test_a_report_is_read_without_any_renderer() -> None:
    code = (
        "import sys, convinspect.report\n"
        "sys.exit(any(name.startswith(('rich', 'convinspect.render')) for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
