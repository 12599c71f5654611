"""The report as its JSON document: everything, for programs."""

from __future__ import annotations

from convinspect.fold import at_depth, part_of
from convinspect.render.options import Options
from convinspect.report import Report


def write(report: Report, options: Options) -> str:
    """Return the indented JSON text of ``report`` with the rows of ``options``; width and columns have no say."""
    return reduced(report, options).to_json(ascii_only=options.ascii)


def reduced(report: Report, options: Options) -> Report:
    """Return the part of ``report`` that ``options`` ask for, down to their depth; raises `UsageError` without it."""
    part = report if options.only is None else part_of(report, options.only)
    return at_depth(part, options.depth) if isinstance(options.depth, int) else part
