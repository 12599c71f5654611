"""The page that people read, as rich draws it: heading, the tree of layers, the account of memory, caveats."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from convinspect.render import caveats
from convinspect.render.account import account
from convinspect.render.caveats import definitions
from convinspect.render.cells import CellContext
from convinspect.render.columns import chosen, extras, with_values
from convinspect.render.heading import heading
from convinspect.render.layout import GAP, HEADING, Filled, Layout, lay_out
from convinspect.render.options import Options
from convinspect.render.rows import Row
from convinspect.render.selection import Selection, select
from convinspect.render.text import ASCII, UNICODE, Glyphs, text_width, wrapped
from convinspect.report import Report
from convinspect.units import counted


def write(report: Report, options: Options) -> str:
    """Return the page in lines of at most ``options.width`` cells, as far as words and numbers allow it."""
    return drawn(page(report, options), options)


_NARROWEST = 40
# Sentences longer than this are hard to read, however wide the terminal is.
_WIDEST_TEXT = 100
# Lines of a page that are neither rows nor memory: the heading, the columns' headings, what is folded, blank ones.
_FRAME = 7


@dataclass(frozen=True, slots=True)
class Page:
    """A report in the form that ``options`` ask for: rich prints it, ``str`` gives it as plain text."""

    report: Report
    options: Options

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the lines of the page, as wide as the console allows, folded into its height."""
        made = replace(self.options, width=options.max_width, ascii=self.options.ascii or options.ascii_only)
        if console.is_terminal and made.lines is not None:
            made = replace(made, lines=console.height - 1, window=True)
        yield from page(self.report, made)

    def __str__(self) -> str:
        """Return the page as plain text."""
        return drawn(page(self.report, self.options), replace(self.options, color=False))

    def _repr_html_(self) -> str:
        """Return the rows as one HTML table, for notebooks."""
        from convinspect.render.grid import fragment  # noqa: PLC0415 - rich is enough for a terminal

        return fragment(self.report, self.options)


def page(report: Report, options: Options) -> list[Text]:
    """Return the lines of the page, of at most ``options.width`` cells as far as words and numbers allow it.

    Where a window does not hold it, the account of memory is left out if the rest fits then: the heading has the peaks.
    """
    whole = _page(report, options, with_account=True)
    if options.window and options.lines is not None and len(whole) > options.lines:
        rest = _page(report, options, with_account=False)
        return rest if len(rest) <= options.lines else whole
    return whole


def _page(report: Report, options: Options, *, with_account: bool) -> list[Text]:
    glyphs = ASCII if options.ascii else UNICODE
    width = max(options.width, _NARROWEST)
    wanted = chosen(options.columns)
    columns, silent = with_values(wanted, report)
    topics = {column.topic for column in wanted}
    ledger = account(report, glyphs, width) if "memory" in topics and not options.only else []
    not_shown = [] if with_account or not ledger else ["left out: the account of memory (a higher window shows it)"]
    ledger = ledger if with_account else []
    notes = list(
        _paragraphs([f"note: {t}" for t in caveats.warnings(report, told=options.told)], width, glyphs, "yellow")
    )
    selection = select(report, options, around=_FRAME + len(ledger) + len(notes))
    head = heading(report, glyphs, width, selection.part)
    top = [Text(line, style="bold" if i == 0 else "") for i, line in enumerate(head)]
    if options.brief:
        return top
    context = CellContext.of(report, glyphs)
    more = with_values([c for group in extras() for c in group], report)[0] if not options.columns else []
    groups = [[c for c in group if c in more] for group in extras()] if more else []
    layout = lay_out(selection.rows, columns, groups, context, report.run.dtype, width)
    said = [
        *not_shown,
        *caveats.left_out(layout, silent, width),
        *caveats.legend(report, selection.rows, layout, glyphs, verbose=options.verbose),
        *caveats.unit(report),
    ]
    defined = list(definitions(report, layout)) if options.verbose else []
    parts = [
        top,
        [*_table(selection.rows, layout, glyphs), *_folded(selection, width, glyphs)],
        [Text(line, style="bold" if i == 0 else "") for i, line in enumerate(ledger)],
        [*_paragraphs(said, width, glyphs, "dim"), *notes],
        list(_paragraphs(defined, width, glyphs, "dim")),
    ]
    return _together([part for part in parts if part], options.lines)


def drawn(lines: Sequence[Text], options: Options) -> str:
    """Return ``lines`` as text without a line break at its end, with the codes of a terminal where colour is wanted."""
    file = io.StringIO()
    print_lines(console(file, 10_000, "standard" if options.color else None), lines)
    return file.getvalue().removesuffix("\n")


def console(
    file: io.StringIO, width: int, color: Literal["standard", "truecolor"] | None, *, record: bool = False
) -> Console:
    """Return what prints on ``file`` texts as they are; it can export them where it is to ``record``."""
    return Console(
        file=file,
        width=width,
        color_system=color,
        force_terminal=color is not None,
        legacy_windows=False,
        record=record,
        highlight=False,
        markup=False,
        emoji=False,
    )


def print_lines(on: Console, lines: Sequence[Text]) -> None:
    """Print ``lines`` as they are, however wide."""
    for line in lines:
        on.print(line, no_wrap=True, crop=False, overflow="ignore")


def _together(parts: Sequence[Sequence[Text]], lines: int | None) -> list[Text]:
    """Return all lines, a blank one between the parts, unless the page is too short for that."""
    total = sum(map(len, parts))
    if lines is not None and total <= lines < total + len(parts) - 1:
        return [line for part in parts for line in part]
    found: list[Text] = []
    for part in parts:
        found += [*([Text("")] if found else []), *part]
    return found


def _folded(selection: Selection, width: int, glyphs: Glyphs) -> Iterator[Text]:
    if selection.folded:
        for line in wrapped(f"{counted(selection.folded, 'row')} folded: {selection.more}", width - 2, 0, glyphs):
            yield Text(f"  {line}", style="dim")


def _paragraphs(texts: Sequence[str], width: int, glyphs: Glyphs, style: str) -> Iterator[Text]:
    for text in texts:
        for line in wrapped(text, min(width, _WIDEST_TEXT), 2, glyphs):
            yield Text(line, style=style)


def _table(rows: Sequence[Row], layout: Layout, glyphs: Glyphs) -> Iterator[Text]:
    headings = HEADING.ljust(layout.label_width) + "".join(_align(f, f.column.heading) for f in layout.columns)
    yield Text(headings.rstrip(), style="bold")
    yield Text(glyphs.rule * text_width(headings), style="dim")
    for i, (row, label) in enumerate(zip(rows, layout.labels, strict=True)):
        style = {"module": "bold" if row.open else "", "function": "", "own": "dim", "hidden": "dim"}[row.role]
        over = max(0, text_width(label.text) - layout.label_width)
        line = Text.assemble((label.tree, "dim"), (label.name, style), (label.type, style or "cyan"))
        line.append(label.remark, "yellow")
        line.append(" " * (layout.label_width - text_width(label.text)))
        for filled in layout.columns:
            cell = _align(filled, filled.texts[i])
            # Words that go on over an empty first column.
            line.append_text(_barred(cell[over:], filled, filled.texts[i], style))
            over = 0
        line.rstrip()
        yield line


def _barred(cell: str, filled: Filled, text: str, style: str) -> Text:
    """Return the cell, a bar behind it as long as its percentage says."""
    made = Text(cell, style=style)
    if filled.column.bar and text.isdigit():
        made.stylize("on blue", GAP, GAP + round(int(text) / 100 * (len(cell) - GAP)))
    return made


def _align(filled: Filled, text: str) -> str:
    pad = " " * (filled.width - text_width(text))
    return " " * GAP + (text + pad if filled.column.left else pad + text)
