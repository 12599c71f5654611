"""The formats: each read back by someone else's reader, and nothing that others wrote breaks out of it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from convinspect.check.formats import FORMATS, write
from convinspect.check.judging import judge
from convinspect.check.limits import bound
from convinspect.check.results import Baseline, Result, Session
from convinspect.errors import Complaint
from tests.check.saved import check_of, saved

LENET, UNCOUNTED = saved("lenet"), saved("uncounted")
NASTY = "50% | of `a`, <b>:\r\n::error::x\n## \x1b[31m\x00 \u2028 </failure>"


def session(*results: Result, problem: Complaint | None = None) -> Session:
    return Session("1.2.3", Path.cwd(), None, results, problem)


def results() -> tuple[Result, ...]:
    """Return one of each: a pass, a breach, an undecided one, a skipped one, and a check that did not run."""
    check = check_of(bound("max-params", "1M", "a"), bound("max-macs", "1K", "b"))
    bounded = check_of(bound("max-macs", "1K", "b"))
    skipping = check_of(bound("max-training-peak", "1KB", "b"), accept_bounds=True)
    weights = saved("weights")
    return (
        Result(check, LENET, judge(check, LENET), baselines=(Baseline("old.json", LENET, "committed then"),)),
        Result(bounded, UNCOUNTED, judge(bounded, UNCOUNTED)),
        Result(skipping, weights, judge(skipping, weights)),
        Result(check, problem=Complaint("it raised", "mend it", 3)),
    )


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_tells_passes_breaches_errors_and_failures(form: str) -> None:
    text = write(session(*results()), form)
    for word in ("net", "it raised", "mend it", "not counted: aten.linalg_inv_ex.default", "480,500", "fc1 (Linear)"):
        assert word in text or word.replace("_", "\\_") in text


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_tells_what_stopped_everything(form: str) -> None:
    text = write(session(problem=Complaint("no config", "write one", 2)), form)
    assert ("no config" in text) == (form != "text")  # that stands on stderr


@pytest.mark.parametrize("form", ["text", "markdown", "github"])
def test_what_is_written_is_plain_of_control_characters(form: str) -> None:
    check = replace(results()[0].check, name=NASTY, message=NASTY)
    one = replace(results()[0], check=check, problem=Complaint(NASTY, NASTY, 2))
    text = write(session(one), form)
    assert not re.search(r"[\x00\x1b\r\u2028]", text)


def test_lines_of_text_fit_in_80_columns() -> None:
    assert max(map(len, write(session(*results()), "text").splitlines())) <= 80


def test_text_is_ascii_where_the_names_are() -> None:
    assert write(session(*results()), "text").isascii()


class TestJson:
    def test_every_number_is_there_unrounded(self) -> None:
        document = json.loads(write(session(*results()), "json"))
        assert (document["schema"], document["version"], document["exit_code"]) == ("convinspect.check/1", "1.2.3", 3)
        passed, over = document["checks"][0]["limits"]
        assert (passed["status"], passed["numbers"]["low"], passed["numbers"]["limit"]) == ("PASS", 21_840, 10**6)
        assert (over["status"], over["exit_code"], over["margin"]) == ("FAIL", 1, "479,500 over (47,950.0%)")
        bounded = document["checks"][1]["limits"][0]["numbers"]
        assert (bounded["low"], bounded["high"]) == (512, None)

    def test_a_check_is_over_or_not_decided(self) -> None:
        checks = json.loads(write(session(*results()), "json"))["checks"]
        assert [(one["status"], one["exit_code"]) for one in checks] == [
            ("FAIL", 1),
            ("ERROR", 2),
            ("PASS", 0),
            ("ERROR", 3),
        ]

    def test_it_tells_what_a_baseline_was_made_from(self) -> None:
        (baseline,) = json.loads(write(session(*results()), "json"))["checks"][0]["baselines"]
        assert baseline["tool"]["torch"] == LENET.tool.torch
        assert (baseline["name"], baseline["made"], baseline["run"]["device"]) == ("old.json", "committed then", "meta")


class TestGithub:
    def test_an_annotation_stands_at_the_line_of_the_class(self, tmp_path: Path) -> None:
        (tmp_path / "net.py").write_text("import torch\n\n\nclass LeNet(torch.nn.Module):\n    pass\n")
        one = results()[0]
        one = replace(one, check=replace(one.check, folder=tmp_path))
        text = write(Session("1", tmp_path, None, (one,)), "github")
        assert text.splitlines()[0].startswith("::error file=net.py,line=4,title=net%3A macs::480,500, max 1,000: ")

    def test_what_could_not_be_checked_is_an_error_and_what_was_skipped_a_notice(self) -> None:
        lines = write(session(*results()), "github").splitlines()
        assert [line.partition(" ")[0] for line in lines] == [
            "::error",
            "::error",
            "::notice",
            "::error",
            "convinspect",
        ]

    @given(st.text(max_size=80), st.text(max_size=80))
    def test_nothing_that_others_wrote_starts_a_command_of_its_own(self, name: str, message: str) -> None:
        one = replace(
            results()[0], problem=Complaint(message, message, 2), check=replace(results()[0].check, name=name)
        )
        lines = re.split(r"[\r\n]", write(session(one), "github"))
        assert len(lines) == 3
        for line in lines[:2]:
            found = re.fullmatch(r"::error (?:file=[^,:]*,line=\d+,)?title=([^,:]*)::(.*)", line, re.DOTALL)
            assert found is not None
        assert found is not None

    def test_a_message_is_read_back_as_it_was(self) -> None:
        one = Result(check_of(), problem=Complaint("50% of: a,b\nand more", None, 2))
        data = write(session(one), "github").split("\n")[0].split("::", 2)[2]
        assert data == "50%25 of: a,b%0Aand more"
        assert data.replace("%0A", "\n").replace("%25", "%") == "50% of: a,b\nand more"

    def test_a_file_outside_of_the_repository_is_not_named(self, tmp_path: Path) -> None:
        (tmp_path / "net.py").write_text("class LeNet: pass\n")
        (tmp_path / "repository").mkdir()
        one = replace(results()[0], check=replace(results()[0].check, folder=tmp_path))
        text = write(Session("1", tmp_path / "repository", None, (one,)), "github")
        assert text.startswith("::error title=")


class TestJunit:
    def test_a_breach_is_a_failure_and_what_is_not_known_an_error(self) -> None:
        root = ET.fromstring(write(session(*results()), "junit"))  # noqa: S314 - our own
        assert {key: root.get(key) for key in ("tests", "failures", "errors", "skipped")} == {
            "tests": "5",
            "failures": "1",
            "errors": "2",
            "skipped": "1",
        }
        failure = root.find("./testsuite/testcase[@name='macs']/failure")
        assert failure is not None
        assert failure.get("message") == "480,500, max 1,000: 479,500 over (47,950.0%)"
        assert "fc1 (Linear) 16,000" in (failure.text or "")

    @given(st.text(max_size=80))
    def test_whatever_is_said_it_is_xml(self, message: str) -> None:
        one = Result(replace(check_of(), name=message), problem=Complaint(message, message, 2))
        ET.fromstring(write(session(one), "junit"))  # noqa: S314 - our own


class TestMarkdown:
    def test_it_is_a_table_of_limits(self) -> None:
        html = MarkdownIt("gfm-like", {"linkify": False}).render(write(session(*results()[:1]), "markdown"))
        assert html.count("<table>") == 1
        cells = re.findall(r"<td[^>]*>(.*?)</td>", html)
        assert cells[5:10] == [
            "<strong>FAIL</strong>",
            "macs",
            "480,500",
            "max 1,000",
            "479,500 over (47,950.0%)",
        ]

    def test_what_others_wrote_stays_text(self) -> None:
        check = replace(results()[0].check, message="<img src=x> **bold** | [link](x) `code` # title\n# title")
        html = MarkdownIt("gfm-like", {"linkify": False}).render(
            write(session(replace(results()[0], check=check)), "markdown")
        )
        for tag in ("<img", "<strong>bold", "<a ", "<code>", "<h1"):
            assert tag not in html
