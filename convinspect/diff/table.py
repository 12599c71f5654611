"""A diff as a table for a terminal: what was compared, the totals, and the rows that were changed."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from convinspect.diff import cells, heading, labels, numbers
from convinspect.diff.difference import Diff
from convinspect.diff.lines import Line, lines_of
from convinspect.diff.options import Options
from convinspect.diff.signs import ASCII, UNICODE, Signs

_NARROWEST = 40
_GAP = 2
# Names are cut to no less than this, or this share of the width, before columns go.
_NAMES = 26
_SHARE = 0.4
# Which columns go first where the width does not hold all.
_DROPPED = ("of memory", "memory", "of params", "of macs", "rf", "output")

_MARKS = {"added": "+", "removed": "-", "renamed": ">", "moved": ">", "changed": "~", "unchanged": " "}
_STYLES = {"+": "green", "-": "red", ">": "cyan", "~": "yellow", " ": ""}
# What rich draws with one cell and ASCII has not.
_TO_ASCII = str.maketrans({"\u2502": "|", "\u251c": "|", "\u2514": "`", "\u2500": "-", "\u2026": "~"})


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
    signs = ASCII if options.ascii else UNICODE
    width = max(options.width, _NARROWEST)
    parts: list[RenderableType] = [_heading(diff, signs)]
    if diff.differs:
        lines = lines_of(diff, options.depth)
        parts += ["", _totals(diff, signs), "", Text(heading.summary(diff, signs), style="bold")]
        columns, left_out = _fitting(lines, width, signs)
        if lines:
            parts += ["", _rows(lines, columns, width, signs)]
        if left_out:
            parts += ["", Text(f"left out: {', '.join(left_out)} (needs more width)", style="dim")]
    else:
        parts += ["", Text(heading.NO_DIFFERENCE, style="bold")]
    return _drawn(parts, width, options)


def _drawn(parts: Sequence[RenderableType], width: int, options: Options) -> str:
    file = io.StringIO()
    console = Console(
        file=file,
        width=width,
        color_system="standard" if options.color else None,
        force_terminal=options.color,
        legacy_windows=False,
        highlight=False,
        markup=False,
        emoji=False,
    )
    for part in parts:
        console.print(part)
    text = file.getvalue().translate(_TO_ASCII) if options.ascii else file.getvalue()
    return "\n".join(line.rstrip() for line in text.splitlines())


def _heading(diff: Diff, signs: Signs) -> RenderableType:
    grid = Table.grid(padding=(0, _GAP))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for name, text in heading.sides(diff, signs):
        grid.add_row(Text(name, style="dim"), Text(text, style="" if name in ("before", "after") else "dim"))
    return grid


def _totals(diff: Diff, signs: Signs) -> RenderableType:
    table = _table()
    table.add_column("")
    for title in ("Before", "After", "Change", "%"):
        table.add_column(title, justify="right", no_wrap=True)
    for title, name, value in heading.totals(diff):
        style = "bold" if value.differs else ""
        texts = (
            numbers.amount(name, value.before, signs),
            numbers.amount(name, value.after, signs),
            numbers.change(name, value, signs),
            numbers.percent(value, signs),
        )
        table.add_row(title, *texts, style=style)
    return table


def _table() -> Table:
    return Table(box=None, padding=(0, _GAP, 0, 0), pad_edge=False, header_style="dim")


def _fitting(lines: Sequence[Line], width: int, signs: Signs) -> tuple[list[_Column], list[str]]:
    """Return the columns that have something to say and fit, and the headings of those that do not fit."""
    columns = [column for column in _columns(lines, signs) if any(column.texts)]
    left_out: list[str] = []
    needed = max((cell_len(_label(line, signs).plain) + 2 * line.level + 2 for line in lines), default=0)
    room = max(_NAMES, int(_SHARE * width))
    for name in _DROPPED:
        if min(needed, room) + sum(_GAP + column.width for column in columns) <= width:
            break
        left_out += [column.heading for column in columns if column.name == name and column.heading != "%"]
        columns = [column for column in columns if column.name != name]
    return columns, left_out


def _columns(lines: Sequence[Line], signs: Signs) -> list[_Column]:
    def changes(name: str) -> tuple[str, ...]:
        return tuple(numbers.change(name, line.costs[name], signs) for line in lines)

    def shares(name: str) -> tuple[str, ...]:
        # That all of a removed row is gone needs no figure.
        gone = [line.kind == "row" and line.row.after is None for line in lines]
        return tuple(
            "" if all_of_it else numbers.percent(line.costs[name], signs)
            for line, all_of_it in zip(lines, gone, strict=True)
        )

    shown = [line.row if line.kind == "row" else None for line in lines]
    return [
        _Column("output", "Output", tuple(cells.outputs(row, signs) if row else "" for row in shown), left=True),
        _Column("params", "Params", changes("params")),
        _Column("of params", "%", shares("params")),
        _Column("macs", "MACs", changes("macs")),
        _Column("of macs", "%", shares("macs")),
        _Column("memory", "Activations", changes("allocated_bytes")),
        _Column("of memory", "%", shares("allocated_bytes")),
        _Column("rf", "RF", tuple(cells.receptive_field(row, signs) if row else "" for row in shown), left=True),
    ]


def _rows(lines: Sequence[Line], columns: Sequence[_Column], width: int, signs: Signs) -> RenderableType:
    table = _table()
    room = width - sum(_GAP + column.width for column in columns)
    table.add_column("Layer", no_wrap=True, overflow="ellipsis", max_width=max(room, _NAMES))
    for column in columns:
        # A least width keeps rich from cutting a number where names are long.
        table.add_column(
            column.heading, justify="left" if column.left else "right", no_wrap=True, min_width=column.width
        )
    for i, (line, guides) in enumerate(zip(lines, _guides(lines), strict=True)):
        mark = _mark(line)
        style = _STYLES[mark] if line.kind == "row" else "dim"
        label = Text.assemble((f"{mark} ", style), (guides, "dim"), _label(line, signs))
        table.add_row(label, *(Text(column.texts[i], style=style) for column in columns))
    return table


def _mark(line: Line) -> str:
    if line.kind != "row":
        return " "
    if line.row.status in ("changed", "unchanged"):
        return "~" if line.row.itself or line.count else " "
    return _MARKS[line.row.status]


def _label(line: Line, signs: Signs) -> Text:
    if line.kind != "row":
        return Text(labels.counted(line), style="dim")
    name, kind = labels.names(line, signs), labels.types(line, signs)
    mark = _mark(line)
    label = Text.assemble((name, _STYLES[mark]), ": " if name and kind else "", (kind, "cyan" if mark == " " else ""))
    label.append(labels.remark(line, signs), "dim")
    said = labels.details(line, signs)
    return label.append(f"  {said}", "yellow") if said else label


def _guides(lines: Sequence[Line]) -> list[str]:
    """Return the strokes of the tree before each line; one pass from the end knows what follows."""
    follows: list[bool] = []
    found: list[str] = []
    for line in reversed(lines):
        del follows[line.level :]
        follows.extend([False] * (line.level - len(follows)))
        beside = "".join("\u2502 " if more else "  " for more in follows[:-1])
        found.append(beside + ("\u251c " if follows[-1] else "\u2514 ") if line.level else "")
        if line.level:
            follows[line.level - 1] = True
    return found[::-1]
