"""The report as the page for people: heading, rows, the account of memory, caveats."""

from __future__ import annotations

from convinspect.render.options import Options
from convinspect.render.page import drawn, page
from convinspect.report import Report


def write(report: Report, options: Options) -> str:
    """Return the page in lines of at most ``options.width`` cells, as far as words and numbers allow it."""
    return drawn(page(report, options), options)
