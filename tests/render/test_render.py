"""Choosing a format, and the JSON document."""

from __future__ import annotations

import json
from xml.etree import ElementTree as ET

import pytest

from convinspect.errors import UsageError
from convinspect.render import FORMATS, Options, render
from convinspect.report import Report

from . import nets


@pytest.mark.parametrize("format_", FORMATS)
def test_every_format_writes_text_without_a_last_line_break(format_: str) -> None:
    text = render(nets.odd(), format_)
    assert text
    assert not text.endswith("\n")


def test_a_format_that_does_not_exist_is_named_with_those_that_do() -> None:
    with pytest.raises(UsageError, match="no format xml") as raised:
        render(nets.lenet(), "xml")
    assert "table, json" in (raised.value.hint or "")


def test_svg_is_the_page_as_a_drawing_that_needs_nothing_from_elsewhere() -> None:
    drawing = ET.fromstring(render(nets.report("<b>&", (nets.layer("", "<b>Net", 0, (1,)),)), "svg"))  # noqa: S314 - ours
    assert "<b>Net" in "".join(drawing.itertext()).replace("\N{NO-BREAK SPACE}", " ")
    text = render(nets.odd(), "svg", Options(width=80))
    assert "font-face" not in text
    assert text.count("http") == text.count("http://www.w3.org/2000/svg") == 1
    assert text == render(nets.odd(), "svg", Options(width=80))


def test_json_is_the_report() -> None:
    assert Report.from_dict(json.loads(render(nets.odd(), "json"))) == nets.odd()


def test_json_keeps_to_ascii_where_asked() -> None:
    made = nets.report("Größe", (nets.layer("", "Größe", 0, (1,)),))
    assert "Größe" in render(made, "json")
    text = render(made, "json", Options(ascii=True))
    assert text.isascii()
    assert json.loads(text)["model"]["name"] == "Größe"
