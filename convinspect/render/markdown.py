"""The page in Markdown as GitHub shows it: heading, the rows as a table, the account of memory, what must be known."""

from __future__ import annotations

import re
from collections.abc import Iterable

from convinspect.render.account import account
from convinspect.render.grid import grid_of
from convinspect.render.options import Options
from convinspect.render.text import ASCII, UNICODE
from convinspect.report import Report

_WIDE = 120
# What Markdown would take for its own; a pipe would end the cell.
_SIGNS = re.compile(r"([\\`*_{}\[\]<>#|~&])")
_SPACE = "\N{NO-BREAK SPACE}"


def write(report: Report, options: Options) -> str:
    """Return the rows and columns that ``options`` ask for as a table in Markdown, with the heading above it."""
    grid = grid_of(report, options)
    first, *more = grid.heading
    parts = ["  \n".join([f"**{_escaped(first)}**", *map(_escaped, more)])]
    if not options.brief:
        rule = [":--" if left else "--:" for left in grid.left]
        parts.append("\n".join(map(_line, [[_escaped(text) for text in grid.headings], rule, *map(_cells, grid.rows)])))
        ledger = account(report, ASCII if options.ascii else UNICODE, _WIDE) if options.only is None else []
        if ledger:
            parts.append("\n".join(["```", *ledger, "```"]))
        parts += ["\n".join(f"- {_escaped(note)}" for note in grid.notes)] if grid.notes else []
    return "\n\n".join(parts)


def _cells(row: Iterable[str]) -> list[str]:
    """Return the cells escaped; the spaces of the tree stay, which Markdown would make one."""
    label, *others = row
    tree = re.match("[ │|]*", label)
    indent = tree[0] if tree else ""
    kept = indent.replace(" ", _SPACE).replace("|", r"\|")
    return [kept + _escaped(label[len(indent) :]), *map(_escaped, others)]


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _escaped(text: str) -> str:
    return _SIGNS.sub(r"\\\1", text)
