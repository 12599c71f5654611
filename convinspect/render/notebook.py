"""The rows as one table in HTML: what a cell of a notebook shows."""

from __future__ import annotations

from html import escape

from convinspect.render.grid import Grid, grid_of
from convinspect.render.options import Options
from convinspect.report import Report

_CELL = "padding: 0 .7em; white-space: pre"


def fragment(report: Report, options: Options) -> str:
    """Return the rows as one ``<table>``; its caption has the heading, its foot what must be known of the numbers."""
    grid = grid_of(report, options)
    caption = "<br>".join(map(escape, grid.heading))
    head = "".join(_cell("th", text, left=left) for text, left in zip(grid.headings, grid.left, strict=True))
    body = "\n".join(f"<tr>{_row(grid, row)}</tr>" for row in grid.rows)
    foot = "<br>".join(map(escape, grid.notes))
    footer = f'\n<tfoot><tr><td colspan="{len(grid.headings)}" style="text-align: left">{foot}</td></tr></tfoot>'
    return (
        '<table style="border-collapse: collapse; font-family: monospace">\n'
        f'<caption style="text-align: left">{caption}</caption>\n<thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody>{footer if foot else ''}\n</table>"
    )


def _row(grid: Grid, row: tuple[str, ...]) -> str:
    return "".join(_cell("td", text, left=left) for text, left in zip(row, grid.left, strict=True))


def _cell(tag: str, text: str, *, left: bool) -> str:
    return f'<{tag} style="text-align: {"left" if left else "right"}; {_CELL}">{escape(text)}</{tag}>'
