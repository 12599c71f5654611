"""The report as its JSON document: everything, for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from convinspect.render import Options
    from convinspect.report import Report


def write(report: Report, options: Options) -> str:
    """Return the indented JSON text of ``report``; width and columns have no say in it."""
    return report.to_json(ascii_only=options.ascii)
