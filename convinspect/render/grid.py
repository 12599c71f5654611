"""The table as cells of text, for formats that lay it out themselves, and as the HTML table of a notebook."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from convinspect.render import caveats
from convinspect.render.cells import CellContext
from convinspect.render.columns import chosen, with_values
from convinspect.render.heading import heading
from convinspect.render.labels import label_of
from convinspect.render.layout import HEADING
from convinspect.render.options import Options
from convinspect.render.selection import select
from convinspect.render.text import ASCII, UNICODE, clean
from convinspect.report import Report

_ENDLESS = 10_000


@dataclass(frozen=True, slots=True)
class Grid:
    """``rows`` of texts under ``headings``; ``left`` says which columns hold words. ``notes`` stand below."""

    heading: tuple[str, ...]
    headings: tuple[str, ...]
    left: tuple[bool, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]


def grid_of(report: Report, options: Options) -> Grid:
    """Return the rows and columns that ``options`` ask for, folded into a page where they do not say how deep."""
    glyphs = ASCII if options.ascii else UNICODE
    selection = select(report, options)
    columns, silent = with_values(chosen(options.columns), report)
    context = CellContext.of(report, glyphs)
    labels = [label_of(row, 2, glyphs, report.run.dtype).text for row in selection.rows]
    cells = [column.cells(selection.rows, context) for column in columns]
    folded = [f"{selection.folded:,} rows folded: {selection.more}"] if selection.folded else []
    left = [f"left out: {', '.join(silent)}"] if silent else []
    notes = [f"note: {clean(text, glyphs)}" for text in caveats.warnings(report, told=options.told)]
    return Grid(
        heading=tuple(heading(report, glyphs, _ENDLESS, selection.part)),
        headings=(HEADING, *(column.heading for column in columns)),
        left=(True, *(column.left for column in columns)),
        rows=tuple(zip(labels, *cells, strict=True)),
        notes=(*folded, *left, *notes),
    )


_CELL = "padding: 0 .7em; white-space: pre"


def fragment(report: Report, options: Options) -> str:
    """Return the rows as one ``<table>``; its caption has the heading, its foot what must be known of the numbers."""
    grid = grid_of(report, options)
    caption = "<br>".join(map(escape, grid.heading))
    head = "".join(_cell("th", text, left=left) for text, left in zip(grid.headings, grid.left, strict=True))
    body = "\n".join(
        f"<tr>{''.join(_cell('td', text, left=left) for text, left in zip(row, grid.left, strict=True))}</tr>"
        for row in grid.rows
    )
    foot = "<br>".join(map(escape, grid.notes))
    footer = f'\n<tfoot><tr><td colspan="{len(grid.headings)}" style="text-align: left">{foot}</td></tr></tfoot>'
    return (
        '<table style="border-collapse: collapse; font-family: monospace">\n'
        f'<caption style="text-align: left">{caption}</caption>\n<thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody>{footer if foot else ''}\n</table>"
    )


def _cell(tag: str, text: str, *, left: bool) -> str:
    return f'<{tag} style="text-align: {"left" if left else "right"}; {_CELL}">{escape(text)}</{tag}>'
