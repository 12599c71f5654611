"""``convinspect check`` on saved reports: what is asked, what is printed, and the exit code."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from convinspect.report import Report
from tests.check.projects import changed, process, without_torch, write
from tests.check.saved import REPORTS, saved
from tests.shell import Result, convinspect

LENET = REPORTS / "lenet.json"


def check(*argv: str | Path, cwd: Path = REPORTS) -> Result:
    return convinspect("check", *argv, cwd=cwd)


def project(folder: Path, config: str, *reports: str) -> Path:
    for name in reports:
        shutil.copy(REPORTS / f"{name}.json", folder)
    return write(folder, convinspect__toml=config)


def test_a_line_for_each_limit() -> None:
    result = check("lenet.json", "--max-params", "50K", "--max-macs", "400K", "--max-weights", "1MiB")
    assert result.code == 1
    assert result.out == (
        "lenet.json\n"
        "      LeNet, eval mode on meta in float32, input x 1x1x28x28\n"
        "PASS  params      21,840  max 50,000     28,160 left (56.3%)\n"
        "FAIL  macs       480,500  max 400,000    80,500 over (20.1%)\n"
        "      mostly in: conv2 (Conv2d) 320,000 (66.6%), conv1 (Conv2d) 144,000 (30.0%),\n"
        "                 fc1 (Linear) 16,000 (3.3%)\n"
        "      set by: --max-macs\n"
        "PASS  weights  85.31 KiB  max 1.000 MiB  938.7 KiB left (91.7%)\n"
        "\n"
        "2 passed, 1 failed\n"
    )
    assert result.err == ""


def test_every_limit_is_an_option() -> None:
    argv = ["--max-params=5M", "--max-macs=600M", "--max-weights=20MiB", "--max-inference-peak=100MiB"]
    argv += ["--max-training-peak=2GiB", "--min-receptive-field=28", "--max-growth=params=5%", "--baseline", str(LENET)]
    result = check("lenet.json", *argv)
    assert (result.code, result.out.count("PASS")) == (0, 7)


def test_a_rare_limit_is_an_option_too() -> None:
    assert check("lenet.json", "--min-params", "30K").code == 1
    assert "--min-params" not in check("--help").out


class TestWhatIsChecked:
    CONFIG = """
[checks.small]
target = "lenet.json"
limits.params = "30K"

[checks.large]
target = "parts.json"
limits.params = "1K"
message = "ask first"
"""

    def test_all_checks_run_where_none_is_named(self, tmp_path: Path) -> None:
        result = check(cwd=project(tmp_path, self.CONFIG, "lenet", "parts"))
        assert result.code == 1
        assert result.out.startswith("config: convinspect.toml\n\nsmall: lenet.json\n")
        assert "set by: checks.large.limits.params in convinspect.toml\n      note: ask first\n" in result.out
        assert result.out.endswith("\n1 passed, 1 failed\n")

    def test_one_check_is_named(self, tmp_path: Path) -> None:
        result = check("small", cwd=project(tmp_path, self.CONFIG, "lenet", "parts"))
        assert (result.code, "large" in result.out) == (0, False)

    def test_the_nearest_config_upwards_is_used_and_said(self, tmp_path: Path) -> None:
        project(tmp_path, self.CONFIG, "lenet", "parts")
        (tmp_path / "src").mkdir()
        result = check("small", cwd=tmp_path / "src")
        assert result.code == 0
        assert result.out.startswith(f"config: {Path('..') / 'convinspect.toml'}\n")

    def test_another_config_is_named(self, tmp_path: Path) -> None:
        folder = project(tmp_path, self.CONFIG, "lenet", "parts")
        result = check("--config", folder / "convinspect.toml", "small")
        assert result.code == 0
        missing = check("--config", folder / "convinspect.toml", "lenet.json")
        assert (missing.code, "error: lenet.json: no check of " in missing.err) == (2, True)

    def test_a_name_that_is_a_file_too_is_the_check_and_that_is_said(self, tmp_path: Path) -> None:
        project(tmp_path, self.CONFIG, "lenet", "parts")
        shutil.copy(tmp_path / "parts.json", tmp_path / "small")
        named = check("small", cwd=tmp_path)
        assert named.err == (
            "note: small is a check of convinspect.toml and a file too: the check is taken; the file is ./small\n"
        )
        assert "lenet.json" in named.out
        assert "Parts" in check("./small", "--max-params", "1M", cwd=tmp_path).out

    def test_a_name_that_is_neither_gives_the_nearest(self, tmp_path: Path) -> None:
        result = check("smal", cwd=project(tmp_path, self.CONFIG, "lenet"))
        assert (result.code, result.out) == (2, "")
        assert result.err == (
            "error: smal: neither a check of convinspect.toml nor a file\nhint: did you mean small?\n"
        )

    def test_options_of_a_target_are_refused_for_a_check(self, tmp_path: Path) -> None:
        result = check("small", "--max-params", "1M", cwd=project(tmp_path, self.CONFIG, "lenet"))
        assert result.code == 2
        assert "--max-params is for a TARGET; what is checked here stands in convinspect.toml" in result.err

    def test_a_baseline_is_said_for_one_run(self, tmp_path: Path) -> None:
        folder = project(tmp_path, self.CONFIG, "lenet", "parts", "branches")
        result = check("small", "--baseline", "branches.json", cwd=folder)
        assert (result.code, "baseline" in result.out) == (0, True)
        several = check("--baseline", "branches.json", cwd=folder)
        assert several.code == 2
        assert "one report cannot be the baseline of 2 checks" in several.err

    def test_a_broken_config_is_an_error_with_its_key(self, tmp_path: Path) -> None:
        result = check(cwd=project(tmp_path, self.CONFIG.replace("limits.params", "limits.parms")))
        assert (result.code, result.out) == (2, "")
        assert result.err == (
            "error: convinspect.toml: checks.small.limits.parms: no such limit\nhint: did you mean params?\n"
        )

    @pytest.mark.parametrize("config", ["[checks]\n", "not = [TOML"])
    def test_a_file_is_checked_whatever_the_config_next_to_it_is(self, tmp_path: Path, config: str) -> None:
        result = check("lenet.json", "--max-params", "1M", cwd=project(tmp_path, config, "lenet"))
        assert (result.code, result.err) == (0, "")

    def test_no_config_and_no_target_is_nothing_to_check(self, tmp_path: Path) -> None:
        result = check(cwd=tmp_path)
        assert result.code == 2
        assert result.err.startswith("error: nothing to check: no convinspect.toml")

    def test_no_limit_is_nothing_to_check(self) -> None:
        assert "no limit: nothing is checked" in check("lenet.json").err


def test_all_checks_run_and_the_worst_code_wins(tmp_path: Path) -> None:
    config = """
[checks]
over = { target = "parts.json", limits = { params = 1 } }
gone = { target = "gone.json", limits = { params = 1 } }
bound = { target = "uncounted.json", limits = { macs = "1K" } }
fine = { target = "lenet.json", limits = { params = "1M" } }
"""
    result = check(cwd=project(tmp_path, config, "lenet", "parts", "uncounted"))
    assert result.code == 2
    assert result.out.endswith("\n1 passed, 1 failed, 1 not decided, 1 check not run\n")
    assert "ERROR gone.json: no such file" in result.out


def test_a_bound_passes_where_bounds_are_accepted() -> None:
    argv = ("uncounted.json", "--max-macs", "1K")
    assert check(*argv).code == 2
    accepted = check(*argv, "--accept-bounds")
    assert accepted.code == 0
    assert "PASS  macs  >= 512  max 1,000" in accepted.out


def test_a_saved_report_of_a_forward_that_failed_is_a_failed_model(tmp_path: Path) -> None:
    report = json.loads(LENET.read_bytes())
    report["failure"] = {"path": "conv1", "type": "Conv2d", "message": "expected 1 channel"}
    (tmp_path / "failed.json").write_text(json.dumps(report))
    result = check("failed.json", "--max-params", "1M", cwd=tmp_path)
    assert (result.code, "ERROR conv1: expected 1 channel" in result.out) == (3, True)


class TestBaselines:
    def test_a_report_is_written_and_then_held_against(self, tmp_path: Path) -> None:
        shutil.copy(LENET, tmp_path)
        argv = ("lenet.json", "--baseline", "budgets/base.json", "--max-growth", "params=5%")
        missing = check(*argv, cwd=tmp_path)
        assert (missing.code, "hint: --update-baseline writes it" in missing.out) == (2, True)
        written = check(*argv, "--update-baseline", cwd=tmp_path)
        assert written.code == 0
        assert "baseline budgets/base.json: now written " in written.out
        assert "SKIP  params growth" in written.out
        assert Report.from_dict(json.loads((tmp_path / "budgets/base.json").read_bytes())) == saved("lenet")
        assert check(*argv, cwd=tmp_path).code == 0

    def test_a_baseline_that_says_the_same_is_left_alone(self, tmp_path: Path) -> None:
        shutil.copy(LENET, tmp_path)
        (tmp_path / "base.json").write_text(json.dumps(json.loads(LENET.read_bytes())))
        before = (tmp_path / "base.json").stat()
        assert check("lenet.json", "--baseline", "base.json", "--update-baseline", cwd=tmp_path).code == 0
        assert (tmp_path / "base.json").stat() == before

    def test_a_model_is_never_run_as_a_baseline(self, tmp_path: Path) -> None:
        shutil.copy(LENET, tmp_path)
        write(tmp_path, net__py="open('ran', 'w')")
        result = check("lenet.json", "--baseline", "net.py", "--max-growth", "params=5%", cwd=tmp_path)
        assert (result.code, (tmp_path / "ran").exists()) == (2, False)
        assert "baseline net.py: not a saved report" in result.out

    @pytest.mark.parametrize("content", ["# notes", '{"a": 1}', ""])
    def test_no_other_file_is_written_over(self, content: str, tmp_path: Path) -> None:
        shutil.copy(LENET, tmp_path)
        write(tmp_path, notes__md=content)
        result = check("lenet.json", "--baseline", "notes.md", "--update-baseline", cwd=tmp_path)
        assert result.code == 2
        assert "it is not written over" in " ".join(result.out.split())
        assert (tmp_path / "notes.md").read_text() == content

    def test_a_baseline_of_another_input_is_said_and_refused(self) -> None:
        argv = ("lenet.json", "--baseline", "parts.json", "--max-growth", "macs=5%")
        result = check(*argv)
        assert result.code == 2
        assert "the baseline is of another run: inputs 1x1x28x28 float32" in result.out

    @pytest.mark.parametrize(
        ("argv", "says"),
        [
            (("--update-baseline", "--max-params", "1M"), "no baseline is named"),
            (("--update-baseline", "--baseline", "git:HEAD"), "git:HEAD is a commit, not a file"),
            (("--max-growth", "params"), "--max-growth params: expected METRIC=AMOUNT"),
            (("--max-growth", "parms=5%"), "no metric 'parms'"),
            (("--max-growth", "params=5"), "5 has no unit"),
        ],
    )
    def test_what_does_not_fit_is_refused(self, argv: tuple[str, ...], says: str) -> None:
        result = check("lenet.json", *argv)
        assert (result.code, result.out) == (2, "")
        assert says in result.err

    def test_a_baseline_that_cannot_be_written_leaves_the_verdicts(self, tmp_path: Path) -> None:
        shutil.copy(LENET, tmp_path)
        write(tmp_path, budgets="a file")
        argv = ("lenet.json", "--baseline", "budgets/base.json", "--update-baseline", "--max-params", "1M")
        result = check(*argv, cwd=tmp_path)
        assert result.code == 2
        assert "--update-baseline budgets/base.json" in result.out
        assert "PASS  params" in result.out


class TestErrorsAsJson:
    @pytest.mark.parametrize(
        "argv",
        [
            ("gone.json", "--max-params", "1M"),
            ("lenet.json", "--max-params", "nan"),
            ("lenet.json", "--max-parms", "5M"),
            ("lenet.json",),
            ("--config", "gone.toml"),
            ("lenet.json", "--jobs", "none", "--max-params", "1M"),
        ],
    )
    def test_whatever_is_wrong_is_a_document(self, argv: tuple[str, ...]) -> None:
        result = check(*argv, "--format", "json")
        document = json.loads(result.out)
        assert (result.code, document["schema"], document["exit_code"]) == (2, "convinspect.check/1", 2)
        problem = document["error"] or document["checks"][0]["error"]
        assert (problem["exit_code"], bool(problem["message"])) == (2, True)

    def test_a_bug_of_ours_is_one_too(self) -> None:
        code = "import convinspect.cli.check_run as run; run.judge = lambda *_: 1 / 0"
        done = changed(code, "check", "lenet.json", "--max-params", "1M", "--json", cwd=REPORTS)
        assert done.code == 70
        assert json.loads(done.out)["error"]["message"] == "ZeroDivisionError: division by zero"
        assert done.err.startswith("error: a bug in convinspect: ZeroDivisionError")


def test_the_results_are_written_to_a_file(tmp_path: Path) -> None:
    result = check("lenet.json", "--max-params", "1", "--format", "junit", "-o", tmp_path / "junit.xml")
    assert (result.code, result.out) == (1, "")
    assert (tmp_path / "junit.xml").read_text().startswith("<testsuites")


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (("lenet.json", "--max-params", "1M"), 0),
        (("lenet.json", "--max-params", "1"), 1),
        (("uncounted.json", "--max-macs", "1K"), 2),
        (("uncounted.json", "--max-macs", "1"), 1),
        (("lenet.json", "--max-params", "5%"), 2),
        (("lenet.json", "--nonsense"), 2),
        (("gone.json", "--max-params", "1"), 2),
    ],
)
def test_exit_codes_as_a_shell_sees_them(argv: tuple[str, ...], code: int) -> None:
    done = process("check", *argv, cwd=REPORTS)
    assert done.code == code, done.err


def test_a_saved_report_is_checked_without_torch() -> None:
    argv = ["check", "lenet.json", "--max-params", "1", "--max-growth", "macs=0", "--baseline", "lenet.json"]
    assert "FAIL" in without_torch(*argv, cwd=REPORTS)


def test_verdicts_are_coloured_on_request_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    plain = check("lenet.json", "--max-params", "1M").out
    assert "\x1b" not in plain
    monkeypatch.setenv("FORCE_COLOR", "1")
    coloured = check("lenet.json", "--max-params", "1M").out
    assert "\x1b[32mPASS\x1b[0m  params" in coloured
    assert coloured.replace("\x1b[32m", "").replace("\x1b[0m", "") == plain


@pytest.mark.parametrize("option", ["--baseline", "--cumulative-baseline"])
@pytest.mark.parametrize("name", ["gone.json", "9" * 5000])
def test_a_baseline_that_cannot_be_read_is_an_error_though_no_limit_needs_it(option: str, name: str) -> None:
    result = check("lenet.json", "--max-params", "1M", option, name)
    assert result.code == 2
    assert f"ERROR baseline {name}:" in " ".join(result.out.split())
    assert "PASS  params" in result.out
    assert result.out.endswith("\n1 passed, 1 error\n")
    growth = check("lenet.json", "--max-growth", "params=3%", "--baseline", "gone.json")
    assert growth.out.count("gone.json: no such file") == 2
