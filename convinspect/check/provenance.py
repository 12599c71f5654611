"""When a baseline was made: from git where it is tracked, else from the file itself."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

from convinspect.git import ask


def made(file: Path) -> str:
    """Return when ``file`` was last committed, and in which commit; or when it was written, if that is later.

    A file that git does not know, or that was changed since, has its own time.
    """
    committed = ask(file.parent, "log", "-1", "--format=%cI %h", "--", file.name)
    if committed and ask(file.parent, "status", "--porcelain", "--", file.name) == "":
        return _committed(committed)
    written = f"written {_minute(datetime.fromtimestamp(file.stat().st_mtime, tz=timezone.utc))}"
    return f"{written}, changed since it was committed" if committed else written


def made_at(folder: Path, revision: str) -> str:
    """Return when the commit ``revision`` of the repository around ``folder`` was made, and which it is."""
    commit = commit_of(folder, revision)
    said = ask(folder, "show", "--no-patch", "--format=%cI %h", commit) if commit else None
    return _committed(said) if said else "of an unknown commit"


def commit_of(folder: Path, revision: str) -> str | None:
    """Return the full name of the commit ``revision``, ``None`` where there is no such commit."""
    said = ask(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    return said.strip() if said else None


def is_in(file: Path, commit: str) -> bool:
    """Return whether ``commit`` of the repository around ``file`` holds that file."""
    return ask(file.parent, "cat-file", "-e", f"{commit}:./{file.name}") is not None


def _committed(said: str) -> str:
    when, _, short = said.strip().partition(" ")
    return f"committed {_minute(datetime.fromisoformat(when.replace('Z', '+00:00')))} ({short})"


def _minute(when: datetime) -> str:
    return when.astimezone(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
