"""What changed between two reports: matched row by row, by path and by structure, and told in four formats."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convinspect.render.options import Options, written

if TYPE_CHECKING:
    from convinspect.diff.difference import Diff

# Each is the name of a file beside this one, whose ``write(diff, options)`` returns the text; with the suffix of an
# output file that is to be of it.
FORMATS = {"table": "", "json": ".json", "markdown": ".md", "html": ".html"}


def render(diff: Diff, format: str = "table", options: Options | None = None) -> str:  # noqa: A002 - the option's name
    """Return ``diff`` as text without a line break at its end; raises `UsageError` for a format that is none."""
    return written("convinspect.diff", FORMATS, format, diff, options or Options())
