"""A diff as a table for a terminal: what was compared, the totals, and the rows that were changed."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from convinspect.diff import amounts, heading, labels
from convinspect.diff.difference import Diff
from convinspect.diff.lines import Line, lines_of
from convinspect.render.labels import tree_text
from convinspect.render.options import Options
from convinspect.render.rows import guides
from convinspect.render.table import console
from convinspect.render.text import ASCII, UNICODE, Glyphs

_NARROWEST = 40
_GAP = 2
# Names are cut to no less than this, or this share of the width, before columns go.
_NAMES = 26
_SHARE = 0.4
# Which columns go first where the width does not hold all.
_DROPPED = ("of activations", "activations", "of params", "of macs", "rf", "output")

_MARKS = {"added": "+", "removed": "-", "renamed": ">", "moved": ">", "changed": "~"}
_STYLES = {"+": "green", "-": "red", ">": "cyan", "~": "yellow", " ": ""}
# What rich puts in the place of what it cuts, and ASCII has not.
_ELLIPSIS = "\u2026", "~"


@dataclass(frozen=True, slots=True)
class _Column:
    name: str
    heading: str
    texts: tuple[str, ...]
    left: bool = False

    @property
    def width(self) -> int:
        return max(map(cell_len, (self.heading, *self.texts)))


def write(diff: Diff, options: Options) -> str:
    """Return the diff in lines of at most ``options.width`` cells; columns go before a number would be cut."""
    glyphs = ASCII if options.ascii else UNICODE
    width = max(options.width, _NARROWEST)
    parts: list[RenderableType] = [_heading(diff, glyphs)]
    if diff.differs:
        lines = lines_of(diff, options.depth)
        parts += ["", _totals(diff, glyphs), "", Text(heading.summary(diff, glyphs), style="bold")]
        columns, left_out = _fitting(lines, width, glyphs)
        if lines:
            parts += ["", _rows(lines, columns, width, glyphs)]
        if left_out:
            parts += ["", Text(f"left out: {', '.join(left_out)} (needs more width)", style="dim")]
    else:
        parts += ["", Text(heading.NO_DIFFERENCE, style="bold")]
    return _drawn(parts, width, options)


def _drawn(parts: Sequence[RenderableType], width: int, options: Options) -> str:
    file = io.StringIO()
    screen = console(file, width, "standard" if options.color else None)
    for part in parts:
        screen.print(part)
    text = file.getvalue().replace(*_ELLIPSIS) if options.ascii else file.getvalue()
    return "\n".join(line.rstrip() for line in text.splitlines())


def _heading(diff: Diff, glyphs: Glyphs) -> RenderableType:
    grid = Table.grid(padding=(0, _GAP))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for name, text in heading.sides(diff, glyphs):
        grid.add_row(Text(name, style="dim"), Text(text, style="" if name in ("before", "after") else "dim"))
    return grid


def _totals(diff: Diff, glyphs: Glyphs) -> RenderableType:
    table = _table()
    table.add_column("")
    for title in ("Before", "After", "Change", "%"):
        table.add_column(title, justify="right", no_wrap=True)
    for title, name, value in heading.totals(diff):
        table.add_row(title, *amounts.told(name, value, glyphs), style="bold" if value.differs else "")
    return table


def _table() -> Table:
    return Table(box=None, padding=(0, _GAP, 0, 0), pad_edge=False, header_style="dim")


def _fitting(lines: Sequence[Line], width: int, glyphs: Glyphs) -> tuple[list[_Column], list[str]]:
    """Return the columns that have something to say and fit, and the headings of those that do not fit."""
    columns = [column for column in _columns(lines, glyphs) if any(column.texts)]
    left_out: list[str] = []
    needed = max((cell_len(_label(line, glyphs).plain) + 2 * line.level + 2 for line in lines), default=0)
    room = max(_NAMES, int(_SHARE * width))
    for name in _DROPPED:
        if min(needed, room) + sum(_GAP + column.width for column in columns) <= width:
            break
        left_out += [column.heading for column in columns if column.name == name and column.heading != "%"]
        columns = [column for column in columns if column.name != name]
    return columns, left_out


def _columns(lines: Sequence[Line], glyphs: Glyphs) -> Iterator[_Column]:
    for name, (title, measure) in labels.COLUMNS.items():
        if measure is None:
            yield _Column(name, title, tuple(labels.words(name, line, glyphs) for line in lines), left=True)
            continue
        yield _Column(name, title, tuple(amounts.change(measure, line.costs[measure], glyphs) for line in lines))
        # That all of a removed row is gone needs no figure.
        shares = (
            "" if line.kind == "row" and line.row.after is None else amounts.percent(line.costs[measure], glyphs)
            for line in lines
        )
        yield _Column(f"of {name}", "%", tuple(shares))


def _rows(lines: Sequence[Line], columns: Sequence[_Column], width: int, glyphs: Glyphs) -> RenderableType:
    table = _table()
    room = width - sum(_GAP + column.width for column in columns)
    table.add_column("Layer", no_wrap=True, overflow="ellipsis", max_width=max(room, _NAMES))
    for column in columns:
        # A least width keeps rich from cutting a number where names are long.
        table.add_column(
            column.heading, justify="left" if column.left else "right", no_wrap=True, min_width=column.width
        )
    for i, (line, beside) in enumerate(zip(lines, guides([line.level for line in lines]), strict=True)):
        mark = _MARKS.get(line.sort, " ")
        style = _STYLES[mark] if line.kind == "row" else "dim"
        label = Text.assemble((f"{mark} ", style), (tree_text(beside, 2, glyphs), "dim"), _label(line, glyphs))
        table.add_row(label, *(Text(column.texts[i], style=style) for column in columns))
    return table


def _label(line: Line, glyphs: Glyphs) -> Text:
    if line.kind != "row":
        return Text(labels.count(line), style="dim")
    name, kind = labels.names(line, glyphs), labels.types(line, glyphs)
    mark = _MARKS.get(line.sort, " ")
    label = Text.assemble((name, _STYLES[mark]), ": " if name and kind else "", (kind, "cyan" if mark == " " else ""))
    label.append(labels.remark(line, glyphs), "dim")
    said = labels.details(line, glyphs)
    return label.append(f"  {said}", "yellow") if said else label
