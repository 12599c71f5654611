"""Git by its own program, in the repository of a folder and in no other."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from subprocess import CompletedProcess

_PATIENCE = 30.0
_NONE: Mapping[str, str] = MappingProxyType({})
# Set where git runs a hook: they would send us to the hook's repository, and to the index of the commit in the making.
_OF_A_HOOK = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR", "GIT_NAMESPACE")


def git(
    folder: str | Path, *arguments: str, given: str = "", timeout: float | None = None, more: Mapping[str, str] = _NONE
) -> CompletedProcess[str]:
    """Return what became of git in ``folder``: ``given`` is its stdin, ``more`` of its environment.

    Nothing that others read is locked, and no hook is run.
    Raises `OSError` where there is no git or no such folder, `subprocess.TimeoutExpired` after ``timeout`` seconds.
    """
    import subprocess  # noqa: PLC0415 - most runs ask git nothing

    kept = {name: value for name, value in os.environ.items() if name not in _OF_A_HOOK}
    command = ["git", "-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}", *arguments]
    return subprocess.run(  # noqa: S603 - no shell; names of files and commits stand behind -- or on stdin
        command,
        cwd=folder,
        env={**kept, "LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", **more},
        input=given,
        capture_output=True,
        encoding="utf-8",
        errors="surrogateescape",
        timeout=timeout,
        check=False,
    )


def ask(folder: Path, *question: str, given: str = "") -> str | None:
    """Return what git answers; never an error of ours: ``None`` where it fails, takes long, or there is none."""
    from subprocess import TimeoutExpired  # noqa: PLC0415

    try:
        done = git(folder, *question, given=given, timeout=_PATIENCE)
    except (OSError, ValueError, TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
