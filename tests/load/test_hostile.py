"""Hostile and damaged files: one clear line each; nothing of theirs runs, hangs or takes a gibibyte."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from tests.load import hostile
from tests.load.forms import exported, scripted
from tests.shell import ROOT, convinspect

# One process for a folder of files: what it says of each, and the most memory that it ever had.
CHILD = """
import json, resource, sys
from pathlib import Path
from tests.shell import convinspect
resource.setrlimit(resource.RLIMIT_CPU, (120, 120))
for path in sys.argv[2:]:
    options = () if path.endswith(("safetensors",)) or sys.argv[1] == "weights" else ("--input", "4", "--device", "cpu")
    result = convinspect("summary", path, *options)
    peak = int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) * 1024
    print(json.dumps([path, result.code, result.out, result.err, peak]), flush=True)
"""
GIBIBYTE = 1 << 30

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is told on Linux alone")


def told(kind: str, paths: list[Path]) -> list[list[Any]]:
    """Return path, exit code, output, complaint and peak memory for each file, in a process of their own."""
    process = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CHILD, kind, *map(str, paths)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    answers = [json.loads(line) for line in process.stdout.splitlines() if line.startswith("[")]
    assert len(answers) == len(paths), (process.returncode, process.stderr[-500:])
    return answers


@pytest.mark.parametrize("make", [hostile.archives, hostile.checkpoints, hostile.safetensors, hostile.programs])
def test_a_hostile_file_is_refused_by_name_and_nothing_of_it_runs(
    make: Callable[[Path, Path], dict[Path, str]], tmp_path: Path
) -> None:
    trace = tmp_path / "harm-was-done"
    files = make(tmp_path, trace)
    kind = "weights" if make in (hostile.checkpoints, hostile.safetensors) else "models"
    for path, code, out, err, peak in told(kind, list(files)):
        assert (code, out) == (2, ""), (path, code, err)
        assert files[Path(path)] in err.splitlines()[0], (path, err)
        assert err.startswith(f"error: {path}: ")
        assert err.count("\n") <= 2
        assert peak < GIBIBYTE, path
    assert not trace.exists()


@pytest.mark.parametrize("kind", ["weights", "archive", "program"])
def test_a_damaged_file_gives_one_clear_line_or_is_whole_enough(kind: str, tmp_path: Path) -> None:
    if kind == "weights":
        path = tmp_path / "weights.pt"
        torch.save(nn.Linear(4, 4).state_dict(), path)
    elif kind == "archive":
        path = scripted(nn.Linear(4, 4), tmp_path / "model.pt")
    else:
        path = exported(nn.Linear(4, 4), (torch.zeros(1, 4),), tmp_path / "model.pt2")
    for file, code, out, err, peak in told(kind, hostile.damaged(path, tmp_path, 40)):
        assert code in (0, 2), (file, code, err)
        assert (err.startswith("error: ") and not out) if code else out, (file, err)
        assert peak < GIBIBYTE


def test_allow_unsafe_runs_what_was_refused(tmp_path: Path) -> None:
    trace = tmp_path / "written.pt"
    files = hostile.archives(tmp_path, trace)
    path = next(path for path in files if path.name == "save.pt")
    result = convinspect("summary", path, "--input", "4", "--device", "cpu", "--allow-unsafe")
    assert (result.code, trace.exists()) == (0, True)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.pt", b"", "an empty file"),
        ("noise.pt", b"\x01\x02\x03 no model", "not a file that is known here"),
        ("page.pt", b"<!DOCTYPE html><html>404</html>", "a web page"),
        ("pointer.safetensors", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "a Git LFS pointer"),
        ("numbers.json", b'{"a": 1}', "JSON, but neither"),
        ("broken.json", b'{"schema": ', "damaged JSON"),
    ],
)
def test_a_file_that_is_no_model_says_what_it_is(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    result = convinspect("summary", path)
    assert result.code == 2
    assert message in result.err.splitlines()[0]


@pytest.mark.parametrize("name", ["model.py", "model.safetensors", "model.json", "model"])
def test_a_renamed_file_is_what_it_contains(name: str, tmp_path: Path) -> None:
    path = scripted(nn.Linear(4, 4), tmp_path / "model.pt").rename(tmp_path / name)
    result = convinspect("summary", path, "--input", "4", "--device", "cpu")
    assert result.code == 0, result.err


def test_a_missing_file_is_told_from_a_module_that_is_not_installed(tmp_path: Path) -> None:
    result = convinspect("summary", tmp_path / "missing.pt")
    assert (result.code, result.err) == (2, f"error: {tmp_path / 'missing.pt'}: no such file\n")


class Endless(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        turns = 0
        while turns < 1_000_000_000_000:
            turns += 1
        return x * turns


def test_an_archive_that_never_ends_can_be_interrupted(tmp_path: Path) -> None:
    path = scripted(Endless(), tmp_path / "model.pt")
    code = (
        "import signal, sys\n"
        "from convinspect.cli import main\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "signal.setitimer(signal.ITIMER_REAL, 4)\n"
        "signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))\n"
        "main(['summary', sys.argv[1], '--input', '4', '--device', 'cpu'])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr.splitlines()[-1]) == (130, "error: interrupted")
