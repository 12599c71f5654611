"""Plain text files of what was rendered: compared, or rewritten where CONVINSPECT_REWRITE is set."""

from __future__ import annotations

import os
from pathlib import Path

FOLDER = Path(__file__).parent


def holds(name: str, text: str) -> bool:
    """Return whether the golden file ``name`` has ``text``."""
    return is_in(FOLDER / f"{name}.txt", text)


def is_in(path: Path, text: str) -> bool:
    """Return whether the file at ``path`` has ``text`` and a line break."""
    if os.environ.get("CONVINSPECT_REWRITE"):
        path.write_text(text + "\n", encoding="utf-8")
    return path.read_text(encoding="utf-8") == text + "\n"
