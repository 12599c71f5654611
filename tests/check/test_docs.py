"""What the documents show can be used as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from convinspect.check.config import read_config
from convinspect.check.formats import FORMATS
from convinspect.check.limits import RULES
from convinspect.check.metrics import METRICS
from convinspect.cli.check import check
from tests.check.projects import ROOT

CHECK, PRE_COMMIT = ((ROOT / "docs" / name).read_text("utf-8") for name in ("check.md", "pre-commit.md"))


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("block", [*blocks(CHECK, "toml"), *blocks(PRE_COMMIT, "toml")])
def test_every_config_is_read(block: str, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(block, encoding="utf-8")
    assert read_config(tmp_path / "pyproject.toml").checks


def test_every_metric_rule_and_format_is_told_of() -> None:
    for name in (*METRICS, *RULES, *FORMATS):
        assert any(f"`{name}{end}" in CHECK for end in ("`", " = ", "|")) or f"|{name}" in CHECK


def test_the_snippet_is_what_the_repository_ships() -> None:
    shipped = (ROOT / ".pre-commit-hooks.yaml").read_text("utf-8")
    for line in re.findall(r"^ +(files: .*)$", PRE_COMMIT, re.MULTILINE)[:2]:
        assert line in shipped


def test_the_example_of_the_help_is_a_config(tmp_path: Path) -> None:
    shown = CliRunner().invoke(check, ["--help"]).output
    example = re.search(r"\[tool\.convinspect\.checks.*?\n\n", shown, re.DOTALL)
    assert example is not None
    (tmp_path / "pyproject.toml").write_text(example[0])
    assert [one.name for one in read_config(tmp_path / "pyproject.toml").checks] == ["small"]
