"""Questions to git, answered by the program itself; never an error of ours where it cannot."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

_PATIENCE = 30.0
# Set where git runs a hook: they would send us to the hook's repository, and to the index of the commit in the making.
_OF_A_HOOK = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR", "GIT_NAMESPACE")


def git(folder: Path, *arguments: str, given: str = "") -> str | None:
    """Return what git says in ``folder``, ``given`` on its stdin; ``None`` where it fails, or there is none."""
    command = ["git", "-c", "core.fsmonitor=false", "--no-optional-locks", *arguments]
    environment = {name: value for name, value in os.environ.items() if name not in _OF_A_HOOK}
    try:
        done = subprocess.run(  # noqa: S603 - no shell; names of files and commits stand behind -- or on stdin
            command,
            cwd=folder,
            env={**environment, "LC_ALL": "C"},
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
