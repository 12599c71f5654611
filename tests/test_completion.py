"""What the shell completes, asked as bash asks it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import BashComplete

from convinspect.cli.program import convinspect
from tests.shell import ROOT

MODEL = """
raise RuntimeError("a file is read for its names, and not run")
class Net: ...
class NetWide: ...
class _Private: ...
def make(): ...
net = Net()
"""

PARAMS = ("params", "params_share", "param_bytes")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "model.py").write_text(MODEL, "utf-8")
    (tmp_path / "broken.py").write_text("class Net(", "utf-8")
    (tmp_path / "more").mkdir()
    for name in ("mnet.pt", "more/m.safetensors", "readme.md", ".hidden.py"):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def offered(words: list[str]) -> list[tuple[str, str]]:
    """Return the kinds and texts that complete the last of ``words``."""
    shell = BashComplete(convinspect, {}, "convinspect", "_CONVINSPECT_COMPLETE")
    return [(item.type, item.value) for item in shell.get_completions(words[:-1], words[-1])]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["summary", "m"], ["mnet.pt", "model.py", "more/"]),
        (["summary", "more/"], ["more/m.safetensors"]),
        (["summary", "model.py:N"], ["model.py:Net", "model.py:NetWide"]),
        (["summary", "model.py:"], ["model.py:Net", "model.py:NetWide", "model.py:make", "model.py:net"]),
        (["summary", "broken.py:"], []),
        (["summary", "none/"], []),
        (["explain", "mo"], ["model.py", "more/"]),
        (["check", "mo"], ["model.py", "more/"]),
        (["diff", "model.py", "mn"], ["mnet.pt"]),
        (["summary", "model.py", "--columns", "output,para"], [f"output,{name}" for name in PARAMS]),
        (["summary", "model.py", "--columns", "d"], ["default", "dtype"]),
        (["summary", "model.py", "--device", "c"], ["cpu", "cuda", "cuda:0"]),
        (["summary", "model.py", "--format", "s"], ["svg"]),
        (["explain", "model.py", "--device", "me"], ["meta"]),
    ],
    ids=" ".join,
)  # fmt: skip
@pytest.mark.usefixtures("folder")
def test_the_shell_is_offered(words: list[str], found: list[str]) -> None:
    assert offered(words) == [("plain", word) for word in found]


def test_a_file_is_left_to_the_shell() -> None:
    assert offered(["summary", "model.py", "-o", "re"]) == [("file", "re")]
    assert offered(["summary", "model.py", "--data", ""]) == [("file", "")]


def test_bash_gets_an_answer(folder: Path) -> None:
    asked = {"_CONVINSPECT_COMPLETE": "bash_complete", "COMP_WORDS": "convinspect summary m", "COMP_CWORD": "2"}
    command = [sys.executable, "-m", "convinspect"]
    environment = {**os.environ, **asked, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["plain,mnet.pt", "plain,model.py", "plain,more/"]
