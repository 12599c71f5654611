"""What stands at a path that somebody typed: any text may be one."""

from __future__ import annotations

import stat
from pathlib import Path

from convinspect.errors import UsageError


def is_there(path: Path) -> bool:
    """Tell whether anything stands at ``path``; raises `UsageError` where that cannot be told."""
    return _mode(path) is not None


def is_file(path: Path) -> bool:
    """Tell whether a regular file stands at ``path``; a folder is none.

    Raises `UsageError` where that cannot be told, and for a pipe or a device, which could be waited for for ever.
    """
    mode = _mode(path)
    if mode is None:
        return False
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise UsageError(f"{path}: a pipe or a device, not a file", "save what it gives to a file first")
    return stat.S_ISREG(mode)


def _mode(path: Path) -> int | None:
    try:
        return path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: a NUL in the name
        return None
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
