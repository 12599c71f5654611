"""What a reader's screen can show: how wide it is, whether it takes colours, and which signs."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from typing import TextIO

from convinspect.render.options import PAGE_LINES, PAGE_WIDTH, Options


def fitted(layout: Options, printed_to: TextIO | None, *, taken: int = 0) -> Options:
    """Return ``layout`` as it is right for the stream that the page is printed to; ``None``: a file, in full.

    Of a window ``taken`` lines are somebody else's; one more is the prompt's.
    """
    terminal = printed_to is not None and printed_to.isatty()
    window = shutil.get_terminal_size((PAGE_WIDTH, PAGE_LINES)).lines - taken - 1
    ascii_only = False
    if printed_to is not None:
        try:  # a tree guide, a line, "at least" and an ellipsis
            "\u251c\u2500\u2265\u2026".encode(printed_to.encoding or "ascii")
        except UnicodeEncodeError:
            ascii_only = True
    return replace(
        layout,
        width=layout.width or width_of(terminal=terminal),
        lines=window if terminal else PAGE_LINES,
        window=terminal,
        color=has_color(terminal=terminal),
        ascii=ascii_only,
    )


def width_of(*, terminal: bool) -> int:
    """Return the width of the window, or what COLUMNS says: it is for those who have no window."""
    said = os.environ.get("COLUMNS", "")
    # What is piped must not change with the window that happens to be open.
    if terminal or (said.isascii() and said.isdigit() and int(said)):
        return shutil.get_terminal_size((PAGE_WIDTH, PAGE_LINES)).columns
    return PAGE_WIDTH


def has_color(*, terminal: bool) -> bool:
    """Return whether to write colours: NO_COLOR forbids, FORCE_COLOR asks for them where no terminal is."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (terminal and os.environ.get("TERM") != "dumb")
