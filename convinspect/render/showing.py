"""What draws a report from Python: the page in a given form, and the HTML page in a frame of a notebook."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Literal

from convinspect.render.columns import chosen
from convinspect.render.csv import records
from convinspect.render.html import write
from convinspect.render.options import PAGE_LINES, PAGE_WIDTH, Options, parse_depth
from convinspect.render.table import Page
from convinspect.report import Report

__all__ = ["Frame", "records", "table"]


def table(report: Report, columns: str | Sequence[str], depth: int | Literal["all"] | None, **form: Any) -> Page:
    """Return the page of ``report`` in that form, by default as wide as the terminal.

    Raises `UsageError` for a column that is not there.
    """
    names = tuple(columns.replace(" ", "").split(",")) if isinstance(columns, str) else tuple(columns)
    chosen(names)
    form.setdefault("width", shutil.get_terminal_size((PAGE_WIDTH, PAGE_LINES)).columns)
    return Page(report, Options(columns=names, depth=parse_depth(depth), **form))


@dataclass(frozen=True, slots=True)
class Frame:
    """The HTML page of ``report`` in a frame of ``height`` pixels, cut off from what is around it."""

    report: Report
    height: int

    def _repr_html_(self) -> str:
        """Return the frame with the whole page in it."""
        page = escape(write(self.report, Options()))
        # Its script may run and save drawings; it is of no origin, so that the notebook is out of its reach.
        return (
            f'<iframe title="convinspect" sandbox="allow-scripts allow-downloads" width="100%" height="{self.height}" '
            f'style="border: 0" srcdoc="{page}"></iframe>'
        )
