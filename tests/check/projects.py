"""Projects with a model, a config and a repository, as people have them."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

NET = """
from torch import nn


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, width, 3), nn.ReLU())
        self.head = nn.Linear(width, 10)

    def forward(self, x):
        return self.head(self.features(x).mean((2, 3)))
"""
BROKEN = NET.replace("return self.head", "raise ValueError('seven')\n        return self.head")
# 3*8*9 + 8 + 8*10 + 10
PARAMS = 314

CONFIG = """
[tool.convinspect.checks.net]
target = "net.py"
inputs = ["3,16,16"]
baseline = "budgets/net.json"
limits = { params = "1K", growth = { params = "5%" } }
"""


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str


def write(folder: Path, **files: str) -> Path:
    """Write files; a double underscore in a name is a dot."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text, encoding="utf-8")
    return folder


def environment(**more: str) -> dict[str, str]:
    """Return what a process of the program runs under: this source, and no GPU."""
    paths = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    return {**os.environ, "PYTHONPATH": paths, "CUDA_VISIBLE_DEVICES": "", **more}


def process(*argv: str | Path, cwd: Path, **more: str) -> Done:
    """Run the program in a process of its own."""
    return _python("-m", "convinspect", *map(str, argv), cwd=cwd, **more)


def changed(code: str, *argv: str, cwd: Path) -> Done:
    """Run the program in a process of its own, after ``code``."""
    return _python("-c", f"import sys\n{code}\nfrom convinspect.cli import main\nmain(sys.argv[1:])", *argv, cwd=cwd)


def without_torch(*argv: str, cwd: Path, **more: str) -> str:
    """Run the program, which must find something and load nothing heavy, and return what it printed."""
    code = (
        "import sys; from convinspect.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit as end: assert end.code == 1, end.code\n"
        "print([m for m in ('torch', 'rich', 'numpy') if m in sys.modules], file=sys.stderr)"
    )
    done = _python("-c", code, *argv, cwd=cwd, **more)
    assert done.err == "[]\n"
    return done.out


def _python(*argv: str, cwd: Path, **more: str) -> Done:
    done = subprocess.run(
        [sys.executable, *argv],
        cwd=cwd,
        env=environment(**more),
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=300,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def git(folder: Path, *arguments: str) -> str:
    """Run git, which must succeed."""
    identity = {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in _WHO.items()}
    done = subprocess.run(
        ["git", "-c", "init.defaultBranch=main", "-c", "core.autocrlf=false", *arguments],
        cwd=folder,
        env={**os.environ, **identity, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"},
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


_WHO = {"NAME": "A Person", "EMAIL": "person@example.org", "DATE": "2026-02-03T04:05:06+00:00"}


def repository(folder: Path, **files: str) -> Path:
    """Write files and commit them in a new repository."""
    write(folder, **files)
    git(folder, "init", "--quiet")
    commit(folder, "first")
    return folder


def commit(folder: Path, message: str) -> None:
    """Commit everything."""
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", message)
