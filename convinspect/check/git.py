"""Questions to git, answered by the program itself; never an error of ours where it cannot."""

from __future__ import annotations

import subprocess
from pathlib import Path

_PATIENCE = 30.0


def git(folder: Path, *arguments: str, given: str = "") -> str | None:
    """Return what git says in ``folder``, ``given`` on its stdin; ``None`` where it fails, or there is none."""
    command = ["git", "-C", str(folder), "--no-optional-locks", *arguments]
    try:
        done = subprocess.run(  # noqa: S603 - no shell; names of files and commits stand behind -- or on stdin
            command,
            input=given,
            capture_output=True,
            check=False,
            timeout=_PATIENCE,
            encoding="utf-8",
            errors="surrogateescape",
        )
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
