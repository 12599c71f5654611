"""What a reader's screen can show: how wide it is, whether it takes colours, and which signs."""

from __future__ import annotations

import os
import shutil

from convinspect.render.options import PAGE_LINES, PAGE_WIDTH


def width_of(*, terminal: bool) -> int:
    """Return the width of the window, or what COLUMNS says: it is for those who have no window."""
    said = os.environ.get("COLUMNS", "")
    # What is piped must not change with the window that happens to be open.
    if terminal or (said.isascii() and said.isdigit() and int(said)):
        return shutil.get_terminal_size((PAGE_WIDTH, PAGE_LINES)).columns
    return PAGE_WIDTH


def height_of(*, terminal: bool) -> int:
    """Return how many lines the window has; what is piped goes on a page."""
    return shutil.get_terminal_size((PAGE_WIDTH, PAGE_LINES)).lines if terminal else PAGE_LINES


def has_color(*, terminal: bool) -> bool:
    """Return whether to write colours: NO_COLOR forbids, FORCE_COLOR asks for them where no terminal is."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (terminal and os.environ.get("TERM") != "dumb")


def can_draw(encoding: str | None) -> bool:
    """Return whether ``encoding`` has a tree guide, a line, "at least" and an ellipsis."""
    try:
        "\u251c\u2500\u2265\u2026".encode(encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True
