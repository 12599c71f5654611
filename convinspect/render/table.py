"""The report as a table for people: a header, the tree of layers, totals and every warning."""

from __future__ import annotations

import textwrap
from functools import cache
from typing import TYPE_CHECKING

from rich.color import ColorSystem
from rich.style import Style

from convinspect.render import footer
from convinspect.render.columns import Column, Sheet, chosen
from convinspect.render.footer import Line
from convinspect.render.glyphs import ASCII, UNICODE, Glyphs, cells
from convinspect.render.layout import GAP, Filled, Label, Layout, label_text, lay_out
from convinspect.render.rows import Row, table_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from convinspect.render.options import Options
    from convinspect.report import Report

_NARROWEST = 40


def write(report: Report, options: Options) -> str:
    """Return the table as lines of at most ``options.width`` cells wherever numbers allow it."""
    glyphs = ASCII if options.ascii else UNICODE
    width = max(options.width, _NARROWEST)
    rows = table_rows(report.layers)
    columns, left_out = _with_values(chosen(options.columns), report)
    first_calls = {layer.path: layer.params_total for layer in report.layers if layer.call == 1}
    layout = lay_out(rows, columns, Sheet(glyphs, first_calls), width, may_drop=not options.columns)
    lines = [
        *_paragraphs(footer.header(report), width, options),
        "",
        *_table(rows, layout, glyphs, options),
        "",
        *_paragraphs(footer.footer(report, layout, left_out, glyphs), width, options),
    ]
    return "\n".join(lines)


def _with_values(columns: list[Column], report: Report) -> tuple[list[Column], list[Line]]:
    """Return the columns that have something to say, and a line for each kind that has not."""
    ran = report.model.format != "weights"
    missing: dict[str, str] = {}
    if not any(layer.receptive_field for layer in report.layers):
        missing |= dict.fromkeys(("rf", "jump", "start", "center", "coverage"), "RF: no input with spatial axes")
    if all(layer.memory.allocated_bytes is None for layer in report.layers):
        missing["memory"] = "Memory: not followed in this run"
    if all(layer.memory.saved_bytes is None for layer in report.layers):
        missing["saved"] = "Saved: not followed in this run"
    if not ran:
        missing |= dict.fromkeys(("input", "output", "dtype", "macs"), "")
    reasons = dict.fromkeys(missing[c.name] for c in columns if c.name in missing and ran)
    kept = [column for column in columns if column.name not in missing]
    return kept, [Line("Left out", reason) for reason in reasons]


def _table(rows: Sequence[Row], layout: Layout, glyphs: Glyphs, options: Options) -> Iterator[str]:
    paint = _painter(color=options.color)
    headings = [_align(f, f.column.heading) for f in layout.columns]
    heading = "Layer".ljust(layout.label_width) + "".join(headings)
    yield paint(heading.rstrip(), "bold")
    yield paint(glyphs.rule * cells(heading), "dim")
    for i, row in enumerate(rows):
        texts = [_align(f, f.texts[i]) for f in layout.columns]
        label = layout.labels[i]
        pad = " " * (layout.label_width - cells(label_text(label)))
        if row.role == "module":
            style = "bold" if not row.layer.leaf else ""
            yield (_paint_label(label, style, options) + paint((pad + "".join(texts)).rstrip(), style)).rstrip()
        else:
            yield paint(label.tree, "dim") + paint((label.type + pad + "".join(texts)).rstrip(), "dim")


def _align(filled: Filled, text: str) -> str:
    pad = " " * (filled.width - cells(text))
    return " " * GAP + (text + pad if filled.column.left else pad + text)


def _paint_label(label: Label, style: str, options: Options) -> str:
    paint = _painter(color=options.color)
    return (
        paint(label.tree, "dim") + paint(label.name, style) + paint(label.type, "cyan") + paint(label.remark, "yellow")
    )


def _paragraphs(lines: Iterable[Line], width: int, options: Options) -> Iterator[str]:
    paint = _painter(color=options.color)
    listed = [footer.cleaned(line, ascii_only=options.ascii) for line in lines]
    margin = max((cells(line.label) for line in listed), default=0) + GAP
    for line in listed:
        label = line.label + " " * (margin - cells(line.label))
        wrapped = textwrap.wrap(line.text, max(width - margin, 1), break_on_hyphens=False) or [""]
        for i, part in enumerate(wrapped):
            yield paint(" " * margin if i else label, "bold") + paint(part, line.style)


class _Painter:
    """Writes text in a style, as ANSI codes or as it is."""

    def __init__(self, *, color: bool) -> None:
        self._color = color

    def __call__(self, text: str, style: str) -> str:
        if not (self._color and style and text):
            return text
        return _style(style).render(text, color_system=ColorSystem.STANDARD)


def _painter(*, color: bool) -> _Painter:
    return _Painter(color=color)


@cache
def _style(name: str) -> Style:
    return Style.parse(name)
