"""Ways to write a report down: by name, each in a file of its own that is imported when it is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convinspect.render.options import Options, written

if TYPE_CHECKING:
    from convinspect.report import Report

__all__ = ["FORMATS", "Options", "render"]

# Each is the name of a file beside this one, whose ``write(report, options)`` returns the text; with the suffix of
# an output file that is to be of it.
FORMATS = {
    "table": "",
    "json": ".json",
    "jsonl": ".jsonl",
    "csv": ".csv",
    "markdown": ".md",
    "html": ".html",
    "svg": ".svg",
    "torchsummary": "",
}


def render(report: Report, format: str = "table", options: Options | None = None) -> str:  # noqa: A002 - the option's name
    """Return ``report`` as text without a line break at its end.

    Raises `UsageError` where ``format`` is not one of `FORMATS`, or a column in ``options`` does not exist.
    """
    return written("convinspect.render", FORMATS, format, report, options or Options())
