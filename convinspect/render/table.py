"""The report as a table for people: a header, the tree of layers, totals, a legend and every warning."""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING

from rich.color import ColorSystem
from rich.style import Style

from convinspect.render.columns import chosen, with_values
from convinspect.render.footer import header, totals
from convinspect.render.layout import GAP, HEADING, Filled, Layout, label_text, lay_out
from convinspect.render.legend import legend, warnings
from convinspect.render.rows import Row, table_rows
from convinspect.render.text import ASCII, UNICODE, Glyphs, Line, margin, paragraphs, text_width

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from convinspect.render import Options
    from convinspect.report import Report

_NARROWEST = 40
# Sentences longer than this are hard to read, however wide the terminal is.
_WIDEST_TEXT = 100


def write(report: Report, options: Options) -> str:
    """Return the table as lines of at most ``options.width`` cells, as far as numbers allow it."""
    glyphs = ASCII if options.ascii else UNICODE
    width = max(options.width, _NARROWEST)
    rows = table_rows(report)
    wanted = chosen(options.columns)
    columns, silent = with_values(wanted, report)
    layout = lay_out(rows, columns, glyphs, width, may_drop=not options.columns)
    hidden = len(report.layers) - sum(row.role != "own" for row in rows)
    parts = [
        list(header(report)),
        list(totals(report, glyphs, {column.topic for column in wanted})),
        [*legend(report, layout, hidden, glyphs), *_left_out(layout, silent)],
        list(warnings(report)),
    ]
    paint = _paint if options.color else _plain
    indent = max(map(margin, parts))
    texts = ["\n".join(paragraphs(part, indent, min(width, _WIDEST_TEXT), paint, glyphs)) for part in parts]
    texts.insert(1, "\n".join(_table(rows, layout, glyphs, paint)))
    return "\n\n".join(text for text in texts if text)


def _left_out(layout: Layout, silent: Sequence[str]) -> Iterator[Line]:
    columns = [*silent, *(f"{heading} (needs more width)" for heading in layout.dropped)]
    if columns:
        yield Line("Left out", ", ".join(columns))


def _table(rows: Sequence[Row], layout: Layout, glyphs: Glyphs, paint: Callable[[str, str], str]) -> Iterator[str]:
    heading = HEADING.ljust(layout.label_width) + "".join(_align(f, f.column.heading) for f in layout.columns)
    yield paint(heading.rstrip(), "bold")
    yield paint(glyphs.rule * text_width(heading), "dim")
    for i, (row, label) in enumerate(zip(rows, layout.labels, strict=True)):
        pad = " " * (layout.label_width - text_width(label_text(label)))
        numbers = (pad + "".join(_align(f, f.texts[i]) for f in layout.columns)).rstrip()
        if row.role == "module":
            style = "" if row.layer.leaf else "bold"
            words = paint(label.name, style) + paint(label.type, "cyan") + paint(label.remark, "yellow")
            yield paint(label.tree, "dim") + words + paint(numbers, style)
        else:
            yield paint(label.tree + label.type + numbers, "dim")


def _align(filled: Filled, text: str) -> str:
    pad = " " * (filled.width - text_width(text))
    return " " * GAP + (text + pad if filled.column.left else pad + text)


def _plain(text: str, _: str) -> str:
    return text


def _paint(text: str, style: str) -> str:
    return _renderer(style)(text) if style and text.strip() else text


@cache
def _renderer(style: str) -> Callable[[str], str]:
    return partial(Style.parse(style).render, color_system=ColorSystem.STANDARD)
