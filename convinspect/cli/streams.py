"""Who writes where: stdout carries the report alone, and everything else goes to stderr."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import TextIO

from convinspect.errors import UsageError


def claim_stdout() -> TextIO:
    """Return the real stdout for the report, and let all other writing to stdout go to stderr from now on.

    File descriptor 1 itself is turned as well, for what C code, child processes and exit handlers print.
    """
    real = sys.stdout
    try:
        real.flush()
        kept = os.dup(real.fileno())
        os.dup2(sys.stderr.fileno(), real.fileno())
    except (OSError, ValueError, AttributeError):  # not real files: a test or a notebook captures them
        sys.stdout = sys.stderr
        return real
    sys.stdout = sys.stderr
    return os.fdopen(kept, "w", encoding=real.encoding, errors=real.errors, newline="")


def write_atomically(path: str, text: str) -> None:
    """Write ``text`` to ``path`` whole or not at all: a reader never sees half a report."""
    target = Path(path)
    try:
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=target.parent, prefix=f".{target.name}.", delete=False, newline="\n"
        ) as file:
            file.write(text)
        Path(file.name).chmod(0o666 & ~_umask())
        Path(file.name).replace(target)
    except OSError as error:
        raise UsageError(f"--output {path}: {error.strerror}") from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
