"""The table as cells of text, for formats that lay it out themselves: no column is left out for width."""

from __future__ import annotations

from dataclasses import dataclass

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
