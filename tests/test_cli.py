"""The command line's contract: exit codes, streams, instant start."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from convinspect.render.columns import COLUMNS
from tests.shell import ROOT, convinspect

LENET = ("summary", "sample_models/lenet.py", "--input", "1,28,28")


def _process(*argv: str, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "convinspect", *argv],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_lenet_costs_what_the_arithmetic_says() -> None:
    result = convinspect(*LENET, "--json")
    assert result.code == 0
    report = json.loads(result.out)
    assert report["schema"] == "convinspect.report/1"
    rows = {row["path"]: row for row in report["layers"] if row["kind"] == "module"}
    assert report["totals"]["params"] == 21_840
    assert [rows[p]["params"] for p in ("conv1", "conv2", "conv2_drop", "fc1", "fc2")] == [260, 5_020, 0, 16_050, 510]
    # outputs x taps: 10*24*24 * 1*5*5, 20*8*8 * 10*5*5, 320*50, 50*10
    assert [rows[p]["macs"] for p in ("conv1", "conv2", "fc1", "fc2")] == [144_000, 320_000, 16_000, 500]
    assert (report["totals"]["macs"], report["totals"]["flops"]) == (480_500, 961_000)


@pytest.mark.parametrize(
    "argv", [["--help"], ["summary", "--help"], ["--version"], ["summary", "m.py", "--input", "x"], ["summary", "--no"]]
)
def test_help_version_and_usage_errors_load_nothing_heavy(argv: list[str]) -> None:
    code = (
        "import sys; from convinspect.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "print([m for m in ('torch', 'rich', 'numpy', 'torchsummary', 'msgspec') if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code, *argv], capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr.splitlines()[-1] == "[]"


@pytest.mark.parametrize("command", [[], ["summary"]], ids=["convinspect", "summary"])
def test_help_shows_a_real_example(command: list[str]) -> None:
    result = convinspect(*command, "--help")
    assert result.code == 0
    assert "convinspect summary model.py --input" in result.out


@pytest.mark.parametrize("command", ["summary", "explain", "diff", "check"])
def test_help_fits_80_columns(command: str) -> None:
    assert max(map(len, convinspect(command, "--help").out.splitlines())) <= 80


def test_help_explains_every_column() -> None:
    _, _, listed = convinspect("summary", "--help").out.partition("Columns:\n")
    lines = [line.split(maxsplit=1) for line in listed.splitlines() if line.strip()]
    assert [words[0] for words in lines] == list(COLUMNS)
    assert all(len(words) == 2 for words in lines)


def test_a_summary_of_nothing_says_so_in_one_line() -> None:
    done = convinspect("summary")
    assert (done.code, done.out) == (2, "")
    assert done.err == "error: Missing argument 'TARGET'.\nhint: convinspect summary --help shows an example\n"


@pytest.mark.parametrize(
    ("variable", "error"), [("FORCE_COLOR", "\x1b[31m\x1b[1merror:\x1b[0m"), ("NO_COLOR", "error:")]
)
def test_an_error_and_a_hint_have_colours(variable: str, error: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "1")
    first, second = convinspect("summary").err.splitlines()
    assert first.startswith(f"{error} Missing")
    assert second.startswith(error.replace("[31m", "[36m").replace("error", "hint"))


def test_a_note_is_said_once() -> None:
    done = convinspect("summary", "sample_models/unet.py", "-i", "3,64,64", "--device", "meta")
    assert done.err == "note: took UNet, which the other classes here are parts of\n"
    assert "took UNet" not in done.out
    report = convinspect("summary", "sample_models/unet.py", "-i", "3,64,64", "--device", "meta", "-o", os.devnull)
    assert report.err == done.err


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        (["summary", "sample_models/lenet.py"], 2, "hint: for example: --input 1,28,28"),
        (["summary", "sample_models/lenet.py", "--input", "1,20,20"], 3, "fc1: Linear expected 320 features, got 80"),
        (["summary", "sample_models/lenet.py", "--input", "3,28,28"], 3, "conv1: Conv2d expected 1 channels, got 3"),
        (["summary", "sample_models/lenet.py", "--input", "1,28,28", "--input", "4"], 2, "forward(x"),
        (["summary", "sample_models/lenet.py", "--device", "tpu"], 2, "--device tpu: not a device"),
        ([*LENET, "--field-of", "y"], 2, "y is not one of the inputs"),
        ([*LENET, "--json", "--format", "table"], 2, "contradict"),
        ([*LENET, "--arg", "=3"], 2, "expected NAME=VALUE"),
        ([*LENET, "--depth", "-1"], 2, "--depth"),
        ([*LENET, "--output", "no/such/folder/x.json"], 2, "no such folder"),
        ([*LENET, "--no-batch", "--batch-size", "2"], 2, "contradict"),
        ([*LENET, "--arg", f"x={'[' * 2_000}"], 2, "nested too deep"),
        ([*LENET, "--arg", f"x={'9' * 20_000}"], 2, "20,000 characters"),
        ([*LENET, "--batch-size", "9" * 30], 2, "--batch-size"),
        ([*LENET, "--unit", f"conv1:{'9' * 5_000},1"], 2, "5000 digits"),
        ([*LENET, "--columns", "colour"], 2, "colour"),
        (["summary", "sample_models/lenet.py", "--input", "1,99999999999999999999,3"], 2, "larger than any tensor"),
        (["summary", "torch.nn.Conv2d", "--input", "3,8,8"], 2, "hint: did you mean torch.nn:Conv2d?"),
        ([*LENET, "--dtype", "int8"], 2, "known: float16, bfloat16, float32, float64"),
        (["sumary"], 2, "sumary"),
    ],
)
def test_failures_are_said_in_two_lines_with_their_code(argv: list[str], code: int, said: str) -> None:
    result = convinspect(*argv)
    assert result.code == code
    assert said in result.err
    assert len(result.err.splitlines()) <= 2
    assert result.err.startswith("error: ")
    assert "Traceback" not in result.err


def test_a_forward_that_fails_prints_the_rows_that_ran_and_exits_3() -> None:
    result = convinspect("summary", "sample_models/lenet.py", "--input", "1,20,20", "--json")
    assert result.code == 3
    rows = {row["path"]: row for row in json.loads(result.out)["layers"]}
    assert rows["conv2"]["outputs"][0]["shape"] == [1, 20, 4, 4]
    assert rows["fc2"]["macs_status"] == "unknown"
    assert result.err.startswith("error: fc1: Linear expected 320 features, got 80")


def test_traceback_shows_it_when_asked(tmp_path: Path) -> None:
    (tmp_path / "m.py").write_text("1 / 0\n")
    assert "Traceback" in convinspect("summary", tmp_path / "m.py", "--input", "1", "--traceback").err
    assert "Traceback" not in convinspect("summary", tmp_path / "m.py", "--input", "1").err


def test_what_the_users_code_prints_goes_to_stderr_however_it_prints(tmp_path: Path) -> None:
    (tmp_path / "loud.py").write_text(
        "import atexit, os, sys\nimport torch\nprint('import')\natexit.register(print, 'exit')\n"
        "class Loud(torch.nn.Module):\n"
        "    def __init__(self):\n        super().__init__()\n        sys.stdout.write('init\\n')\n"
        "    def forward(self, x):\n        os.system('echo child')\n"
        "        os.write(1, b'raw\\n')\n        return x * 2\n"
    )
    done = _process("summary", "loud.py", "--input", "4", "--json", "--device", "cpu", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["model"]["name"] == "Loud"
    assert {"import", "init", "child", "raw", "exit"} <= set(done.stderr.split())


def test_output_is_written_whole_and_stdout_stays_empty(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    result = convinspect(*LENET, "--output", str(path))
    assert (result.code, result.out) == (0, "")
    assert json.loads(path.read_text())["totals"]["params"] == 21_840
    assert [p.name for p in tmp_path.iterdir()] == ["report.json"]


def test_an_output_that_can_only_encode_ascii_gets_ascii() -> None:
    done = _process(*LENET, PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert done.returncode == 0, done.stderr
    assert done.stdout.isascii()


def test_a_reader_that_stops_reading_is_no_error() -> None:
    command = f"{sys.executable} -m convinspect summary sample_models/lenet.py --input 1,28,28 --json | head -n 1"
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "{\n"
    assert done.stderr == ""


def test_a_full_disk_is_no_bug_of_ours() -> None:
    command = f"{sys.executable} -m convinspect summary sample_models/lenet.py --input 1,28,28 > /dev/full"
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert "the report cannot be written: No space left on device" in done.stderr


@pytest.mark.parametrize(
    ("forward", "hinted"),
    [
        ("x * self.layer(x).sum().item()", True),
        ("x * self.layer(x).tolist()[0][0]", True),
        ("self.layer(x[:, :3])", False),
    ],
)
def test_a_hint_names_the_device_only_where_values_are_asked_for(tmp_path: Path, forward: str, hinted: bool) -> None:  # noqa: FBT001
    (tmp_path / "asks.py").write_text(
        "import torch\nclass Asks(torch.nn.Module):\n"
        "    def __init__(self):\n        super().__init__()\n        self.layer = torch.nn.Linear(4, 4)\n"
        f"    def forward(self, x):\n        return {forward}\n"
    )
    result = convinspect(
        "summary", tmp_path / "asks.py", "--input", "4", "--device", "meta", "--no-fallback", cwd=tmp_path
    )
    assert result.code == 3
    assert ("try --device cpu" in result.err) == hinted
