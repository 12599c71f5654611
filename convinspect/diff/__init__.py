"""What changed between two reports: matched row by row, by path and by structure, and told in four formats."""

from __future__ import annotations

from importlib import import_module  # noqa: TID251 - of this room, by the name of a format
from typing import TYPE_CHECKING, cast

from convinspect.errors import UsageError
from convinspect.render.options import Options

if TYPE_CHECKING:
    from collections.abc import Callable

    from convinspect.diff.difference import Diff

# Each is the name of a file beside this one, whose ``write(diff, options)`` returns the text; with the suffix of an
# output file that is to be of it.
FORMATS = {"table": "", "json": ".json", "markdown": ".md", "html": ".html"}


def render(diff: Diff, format: str = "table", options: Options | None = None) -> str:  # noqa: A002 - the option's name
    """Return ``diff`` as text without a line break at its end; raises `UsageError` for a format that is none."""
    if format not in FORMATS:
        raise UsageError(f"no format {format}", f"choose from: {', '.join(FORMATS)}")
    module = import_module(f"convinspect.diff.{format}")
    return cast("Callable[[Diff, Options], str]", module.write)(diff, options or Options())
