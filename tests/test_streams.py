"""Streams and signals: what is printed where, and that nobody's closed ears change a verdict."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from convinspect.cli.waiting import patience
from tests.shell import ROOT, convinspect

LENET = ("summary", str(ROOT / "sample_models/lenet.py"), "--input", "1,28,28", "--device", "meta")
NAME = f"{sys.executable} -m convinspect"


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("saved") / "lenet.json"
    assert convinspect(*LENET, "--output", path).code == 0
    return path


def shell(command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a line of bash; its exit code is the first command's, also in a pipe."""
    done = subprocess.run(
        ["bash", "-c", f"{command}\nexit ${{PIPESTATUS[0]}}"],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    return done


@pytest.mark.parametrize("reader", ["true", "head -n 1 > /dev/null"])
@pytest.mark.parametrize("command", ["summary {saved} --json", "summary {saved}", "--help", "summary --help"])
def test_a_reader_that_has_seen_enough_is_no_error(saved: Path, command: str, reader: str) -> None:
    done = shell(f"{NAME} {command.format(saved=saved)} | {reader}")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("command", ["summary {saved}", "--help", "--version", "summary --help"])
def test_a_full_disk_is_said_and_no_bug_of_ours(saved: Path, command: str) -> None:
    done = shell(f"{NAME} {command.format(saved=saved)} > /dev/full")
    assert done.returncode == 2
    assert "No space left on device" in done.stderr


def test_a_closed_stdout_is_said(saved: Path, tmp_path: Path) -> None:
    done = shell(f"{NAME} summary {saved} >&-")
    assert done.returncode == 2
    assert "standard output is closed" in done.stderr
    assert shell(f"{NAME} summary {saved} -o {tmp_path / 'x.json'} >&-").returncode == 0
    assert shell(f"{NAME} --help >&-").returncode == 0


@pytest.mark.parametrize("away", ["2>/dev/full", "2>&-"])
def test_where_nobody_hears_the_notes_the_report_and_the_codes_are_the_same(
    saved: Path, tmp_path: Path, away: str
) -> None:
    (tmp_path / "two.py").write_text(
        "import torch\nprint('noise')\n"
        "class Net(torch.nn.Linear):\n    def __init__(self):\n        super().__init__(4, 2)\n"
        "class Other(torch.nn.Linear):\n    pass\n"
    )
    assert "MACs" in shell(f"{NAME} summary {saved} {away}").stdout
    noted = shell(f"{NAME} summary {tmp_path / 'two.py'} -i 4 --device meta {away}")
    assert noted.returncode == 0
    assert "MACs" in noted.stdout
    assert shell(f"{NAME} summary no_such.py -i 1 {away}").returncode == 2
    assert shell(f"{NAME} summary {tmp_path / 'two.py'} -i 5 --device meta {away}").returncode == 3


def test_everything_closed_harms_nothing(saved: Path, tmp_path: Path) -> None:
    out = tmp_path / "x.json"
    assert shell(f"{NAME} summary {saved} -o {out} <&- >&- 2>&-").returncode == 0
    assert out.read_text().startswith("{")


def test_an_interrupt_has_no_traceback_however_early_it_comes(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text("import time\nprint('here', flush=True)\ntime.sleep(60)\n")
    for target, wait in ((tmp_path / "slow.py", True), (tmp_path / "no_such_file.py", False)):
        with subprocess.Popen(
            [sys.executable, "-c", _STARTS, "summary", str(target), "-i", "1"],
            cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, stderr=subprocess.PIPE, text=True,
        ) as process:  # fmt: skip
            assert process.stderr is not None
            while (line := process.stderr.readline()) and wait and line.strip() != "here":
                pass
            process.send_signal(signal.SIGINT)
            said = process.stderr.read()
            if wait:
                assert process.wait(timeout=60) == 130
                assert said == "error: interrupted\n"
            assert "Traceback" not in said


# A test runner in the background has interrupts switched off, and its children inherit that.
_STARTS = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from convinspect.cli import main
main()
"""


def test_an_interrupt_while_click_is_imported_has_no_traceback() -> None:
    code = (
        "import signal, sys\n"
        "class Finder:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'click': raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Finder())\n"
        "from convinspect.cli import main\nmain(['--help'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (130, "error: interrupted\n")


def _raising(tmp_path: Path, error: str) -> Path:
    path = tmp_path / "raising.py"
    path.write_text(
        "import torch\n"
        "class Net(torch.nn.Module):\n"
        f"    def __init__(self):\n        super().__init__()\n        raise {error}\n"
    )
    return path


def test_terminal_escapes_of_the_users_text_are_written_out(tmp_path: Path) -> None:
    result = convinspect("summary", _raising(tmp_path, r"ValueError('\x1b[31mred\x07 \u202e')"), "-i", "4")
    assert result.code == 3
    assert "\x1b" not in result.err
    assert r"\x1b[31mred\x07" in result.err


def test_a_long_message_is_cut_and_its_length_said(tmp_path: Path) -> None:
    result = convinspect("summary", _raising(tmp_path, "ValueError('x' * 1_000_000)"), "-i", "4")
    assert result.code == 3
    assert len(result.err) < 1_000
    assert "(1,000," in result.err
    whole = convinspect("summary", _raising(tmp_path, "ValueError('x' * 1_000_000)"), "-i", "4", "--traceback")
    assert "x" * 1_000_000 in whole.err


def test_a_traceback_begins_with_the_users_own_frames(tmp_path: Path) -> None:
    said = convinspect("summary", _raising(tmp_path, "ValueError('no')"), "-i", "4", "--traceback").err
    first, second = said.splitlines()[:2]
    assert first == "Traceback in your code (most recent call last):"
    assert 'raising.py", line 5, in __init__' in second


def test_a_model_that_turns_warnings_into_errors_is_no_reason_for_one(tmp_path: Path) -> None:
    (tmp_path / "strict.py").write_text(
        "import warnings, torch\nwarnings.simplefilter('error')\n"
        "class Net(torch.nn.Linear):\n    def __init__(self):\n        super().__init__(4, 2)\n"
    )
    done = shell(f"cd {tmp_path}; {NAME} summary strict.py -i 4 --device meta")
    assert (done.returncode, done.stderr) == (0, "")


def test_columns_and_colour_are_as_the_environment_asks_when_piped(saved: Path) -> None:
    plain = shell(f"{NAME} summary {saved}")
    assert "\x1b" not in plain.stdout
    assert "\x1b[" in shell(f"{NAME} summary {saved}", FORCE_COLOR="1").stdout
    assert "\x1b" not in shell(f"{NAME} summary {saved}", FORCE_COLOR="1", NO_COLOR="1").stdout
    narrow = shell(f"{NAME} summary {saved}", COLUMNS="60").stdout
    assert max(map(len, narrow.splitlines())) <= 60 < max(map(len, plain.stdout.splitlines()))


def test_a_command_that_was_left_out_is_suggested(saved: Path) -> None:
    result = convinspect(str(saved), "--json")
    assert result.code == 2
    assert f"hint: did you mean: convinspect summary {saved}" in result.err


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("device", "hinted"), [("cpu", True), ("meta", False)])
def test_a_long_run_says_on_a_terminal_what_it_does(
    monkeypatch: pytest.MonkeyPatch,
    device: str,
    hinted: bool,  # noqa: FBT001
) -> None:
    monkeypatch.setattr(sys, "stderr", terminal := _Terminal())
    with patience("model.py", device, seconds=0):
        while "\n" not in terminal.getvalue():
            pass
    assert terminal.getvalue().startswith(f"note: model.py is still being built and run on {device}")
    assert ("--device meta" in terminal.getvalue()) == hinted


def test_a_short_run_and_a_pipe_say_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", terminal := _Terminal())
    with patience("model.py", "cpu"):
        pass
    monkeypatch.setattr(sys, "stderr", piped := io.StringIO())
    with patience("model.py", "cpu", seconds=0):
        time.sleep(0.1)
    assert (terminal.getvalue(), piped.getvalue()) == ("", "")
