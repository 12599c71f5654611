"""Sessions in text files: a ``$ command``, what it prints, and its exit code where that is not 0; replayed here."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

REWRITE = os.environ.get("CONVINSPECT_REWRITE") == "1"
_FENCE = re.compile(r"(^```console\n)(.*?)(^```$)", re.MULTILINE | re.DOTALL)
_ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Step:
    """One command with the lines expected after it."""

    command: str
    expected: str


def steps(text: str) -> Iterator[Step]:
    """Yield the steps of one session."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, expected = part.partition("\n")
        yield Step(command, expected)


def replay(step: Step) -> str:
    """Run the step in a process of its own on a machine without GPU, and return what a terminal would show."""
    program, *argv = shlex.split(step.command)
    if program != "convinspect":
        return step.expected
    done = subprocess.run(
        [sys.executable, "-m", "convinspect", *argv],
        cwd=_ROOT,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": "", "PYTHONUTF8": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
        timeout=300,
    )
    # A renderer may pad its lines; editors strip them.
    shown = "".join(f"{line.rstrip()}\n" for line in done.stdout.splitlines())
    return shown if done.returncode == 0 else f"{shown}[exit {done.returncode}]\n"


def sessions_in(markdown: str) -> list[str]:
    """Return the ``console`` blocks of a Markdown text."""
    return [match[2] for match in _FENCE.finditer(markdown)]


def rewritten(markdown: str) -> str:
    """Return the text with what its sessions print today."""
    return _FENCE.sub(lambda match: match[1] + retold(match[2]) + match[3], markdown)


def retold(session: str) -> str:
    """Return the session with what its commands print today; a blank line parts the steps."""
    return "\n".join(f"$ {step.command}\n{replay(step).rstrip()}".rstrip() + "\n" for step in steps(session))
