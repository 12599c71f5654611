"""``convinspect diff`` on saved reports: what it prints, where, and the exit codes that scripts read."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from convinspect.diff import render
from convinspect.diff.compare import compare
from convinspect.records import Failure
from convinspect.report import Report
from tests.diff.reports import conv, relu, report
from tests.shell import convinspect

BEFORE = report(conv("a", 3, 8), relu("r", 8))
AFTER = report(conv("a", 3, 16), relu("r", 16))


def rendered(form: str, files: tuple[Path, Path]) -> str:
    """Return the diff as the command should print it."""
    return render(compare(BEFORE, AFTER, (f"{files[0]} (of model.py)", f"{files[1]} (of model.py)")), form)


def saved(path: Path, one: Report) -> Path:
    path.write_text(one.to_json(), encoding="utf-8")
    return path


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    return saved(tmp_path / "before.json", BEFORE), saved(tmp_path / "after.json", AFTER)


def test_two_saved_reports_are_compared_in_the_order_they_are_named(files: tuple[Path, Path]) -> None:
    done = convinspect("diff", *files)
    assert (done.code, done.err) == (0, "")
    assert "+216" in done.out
    assert "-216" in convinspect("diff", *reversed(files)).out


def test_a_difference_is_an_exit_code_only_where_that_is_asked_for(files: tuple[Path, Path]) -> None:
    assert convinspect("diff", *files).code == 0
    assert convinspect("diff", *files, "--exit-code").code == 1
    assert convinspect("diff", files[0], files[0], "--exit-code").code == 0


def test_nothing_changed_is_one_sentence(files: tuple[Path, Path]) -> None:
    done = convinspect("diff", files[0], files[0])
    assert done.out.splitlines()[-1] == "no difference: every row, every shape and every total is as it was"


def test_where_the_reports_come_from_is_no_difference(tmp_path: Path) -> None:
    other = replace(BEFORE, model=replace(BEFORE.model, target="elsewhere.py"), tool=replace(BEFORE.tool, torch="2.9"))
    files = saved(tmp_path / "a.json", BEFORE), saved(tmp_path / "b.json", other)
    assert convinspect("diff", *files, "--exit-code").code == 0


def test_json_is_the_document_and_comes_for_a_json_file(files: tuple[Path, Path], tmp_path: Path) -> None:
    expected = rendered("json", files)
    assert convinspect("diff", *files, "--json").out.strip() == expected
    assert convinspect("diff", *files, "-o", tmp_path / "diff.json").out == ""
    assert (tmp_path / "diff.json").read_text("utf-8").strip() == expected


def test_markdown_comes_for_a_markdown_file(files: tuple[Path, Path], tmp_path: Path) -> None:
    convinspect("diff", *files, "-o", tmp_path / "diff.md")
    assert (tmp_path / "diff.md").read_text("utf-8").strip() == rendered("markdown", files)


def test_the_width_that_was_asked_for_holds(files: tuple[Path, Path]) -> None:
    out = convinspect("diff", *files, "--width", "60").out
    assert max(map(len, out.splitlines())) <= 60


def test_depth_folds_what_is_deeper(files: tuple[Path, Path]) -> None:
    assert "~ Net (1 of 3 rows changed)" in convinspect("diff", *files, "--depth", "0").out


def test_a_saved_report_is_never_overwritten(files: tuple[Path, Path]) -> None:
    for file in files:
        before = file.read_bytes()
        done = convinspect("diff", *files, "--json", "-o", file)
        assert done.code == 2
        assert file.read_bytes() == before


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("git:HEAD", "git:HEAD~1"), "git:HEAD git:HEAD~1: no target"),
        (("git:", "model.py"), "git:: not a revision"),
        (("git:--output=x", "model.py"), "git:--output=x: not a revision"),
        (("missing.json", "model.py"), "missing.json: no such file"),
        (("model.py",), "Missing argument 'B'"),
    ],
)
def test_what_cannot_be_compared_is_a_usage_error(argv: tuple[str, ...], said: str, tmp_path: Path) -> None:
    done = convinspect("diff", *argv, cwd=tmp_path)
    assert done.code == 2
    assert said in done.err
    assert done.out == ""


def test_a_saved_report_has_no_revisions(files: tuple[Path, Path]) -> None:
    done = convinspect("diff", "git:HEAD", files[0])
    assert done.code == 2
    assert "a saved report is not made again at a revision" in done.err


def test_options_of_a_run_are_refused_where_nothing_runs(files: tuple[Path, Path]) -> None:
    done = convinspect("diff", *files, "--input", "3,8,8")
    assert done.code == 2
    assert "--input" in done.err


def test_a_damaged_report_says_which_it_is(files: tuple[Path, Path], tmp_path: Path) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text('{"schema": "convinspect.report/1"}')
    done = convinspect("diff", files[0], broken)
    assert done.code == 2
    assert "after: " in done.err
    assert "broken.json" in done.err


def test_half_a_forward_is_not_compared(tmp_path: Path) -> None:
    failed = replace(BEFORE, failure=Failure("r", "ValueError", "boom"))
    files = saved(tmp_path / "a.json", BEFORE), saved(tmp_path / "b.json", failed)
    done = convinspect("diff", *files)
    assert done.code == 3
    assert "error: after: " in done.err
    assert "boom" in done.err
    assert done.out == ""


def test_saved_reports_are_compared_without_torch(files: tuple[Path, Path]) -> None:
    code = (
        "import sys; from convinspect.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit as end: assert not end.code\n"
        "assert 'torch' not in sys.modules"
    )
    for form in ("table", "json", "markdown"):
        argv = [sys.executable, "-c", code, "diff", *map(str, files), "--format", form]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def test_a_changed_optimizer_is_a_changed_peak(tmp_path: Path) -> None:
    training = BEFORE.totals.memory.training
    assert training is not None
    memory = replace(BEFORE.totals.memory, training=replace(training, optimizer="sgd", peak_bytes=1))
    other = replace(BEFORE, totals=replace(BEFORE.totals, memory=memory))
    files = saved(tmp_path / "a.json", BEFORE), saved(tmp_path / "b.json", other)
    done = convinspect("diff", *files, "--exit-code")
    assert done.code == 1
    assert "Peak, training (adamw / sgd)" in done.out
    assert done.out.splitlines()[-1] == "no row changed itself - 3 rows unchanged"
    assert json.loads(convinspect("diff", *files, "--json").out)["changes"] == []
