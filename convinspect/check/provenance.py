"""When a baseline was made: from git where it is tracked, else from the file itself."""

from __future__ import annotations

import subprocess
from datetime import datetime, timezone
from pathlib import Path

_PATIENCE = 30.0


def made(file: Path) -> str:
    """Return when ``file`` was last committed, and in which commit; or when it was written, if that is later.

    A file that git does not know, or that was changed since, has its own time.
    """
    committed = _git(file.parent, "log", "-1", "--format=%cI %h", "--", file.name)
    if committed and _git(file.parent, "status", "--porcelain", "--", file.name) == "":
        when, _, commit = committed.partition(" ")
        return f"committed {_day(datetime.fromisoformat(when))} ({commit})"
    written = _day(datetime.fromtimestamp(file.stat().st_mtime, tz=timezone.utc))
    return f"written {written}, changed since it was committed" if committed else f"written {written}"


def made_at(folder: Path, revision: str) -> str:
    """Return when the commit ``revision`` of the repository around ``folder`` was made, and which it is."""
    commit = commit_of(folder, revision)
    said = _git(folder, "show", "--no-patch", "--format=%cI %h", commit) if commit else None
    when, _, short = (said or "").partition(" ")
    return f"committed {_day(datetime.fromisoformat(when))} ({short})" if short else ""


def commit_of(folder: Path, revision: str) -> str | None:
    """Return the full name of the commit ``revision``, ``None`` where there is no such commit."""
    return _git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}") or None


def is_in(file: Path, revision: str) -> bool:
    """Return whether the commit ``revision`` of the repository around ``file`` holds that file."""
    return _git(file.parent, "cat-file", "-e", f"{revision}:./{file.name}") is not None


def _git(folder: Path, *arguments: str) -> str | None:
    """Return what git says; ``None`` where it fails, or there is none."""
    command = ["git", "-C", str(folder), "--no-optional-locks", *arguments]
    try:
        done = subprocess.run(  # noqa: S603 - no shell; file names stand behind --
            command, capture_output=True, text=True, check=False, timeout=_PATIENCE, errors="replace"
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _day(when: datetime) -> str:
    return when.astimezone(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
