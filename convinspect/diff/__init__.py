"""What changed between two reports: matched row by row, by path and by structure, and told in four formats."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module  # noqa: TID251 - of this room, by the name of a format
from typing import cast

from convinspect.diff.compare import compare
from convinspect.diff.difference import Diff
from convinspect.errors import UsageError
from convinspect.render.options import Options

__all__ = ["FORMATS", "Diff", "Options", "compare", "render"]

FORMATS = ("table", "json", "markdown", "html")


def render(diff: Diff, format: str = "table", options: Options | None = None) -> str:  # noqa: A002 - the option's name
    """Return ``diff`` as text without a line break at its end; raises `UsageError` for a format that is none."""
    if format not in FORMATS:
        raise UsageError(f"no format {format}", f"choose from: {', '.join(FORMATS)}")
    module = import_module(f"convinspect.diff.{format}")
    write = cast("Callable[[Diff, Options], str]", module.write)
    return write(diff, options or Options())
