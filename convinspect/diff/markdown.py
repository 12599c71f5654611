"""A diff as Markdown for the comment of a pull request: tables that no name can break, never longer than it may be."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from convinspect.diff import amounts, heading, labels
from convinspect.diff.costs import total
from convinspect.diff.difference import Diff
from convinspect.diff.lines import Line, lines_of
from convinspect.render.options import Options
from convinspect.render.text import UNICODE, Glyphs

# What GitHub takes for a comment is counted in characters; in bytes this holds wherever it is counted.
LIMIT = 65_536
# A longer table of rows is shut: the totals must not be scrolled out of sight.
_SHUT = 40
# Deeper rows are not indented further: they would be all indent.
_DEEPEST = 12
# Bytes for the line that counts what does not fit, and the words around a table that is shut.
_LAST_LINE = 500
# A name is code of at most so many signs; a whole line of the heading may be longer.
_LONGEST, _LONGEST_LINE = 160, 1000

# What can stand between backticks in a cell as it is: it neither ends the code nor the cell, nor begins with a space.
_PLAIN = re.compile(r"[^`|\\\s]([^`|\\\r\n]*[^`|\\\s])?")
_SIGNS = re.compile(r"[^\w\s.,()+%/\u2192\u2265\u2264\u00b7\u00d7-]|_")


def write(diff: Diff, options: Options) -> str:
    """Return Markdown of at most `LIMIT` bytes: deeper rows fold first, and then the last ones are counted."""
    glyphs = UNICODE
    told = (f"- {f'{name} ' if name else ''}{code(text, _LONGEST_LINE)}" for name, text in heading.sides(diff, glyphs))
    sides = [*told, ""]
    if not diff.differs:
        return "\n".join([*sides, f"**{heading.NO_DIFFERENCE}**"])
    head = [*sides, *_totals(diff, glyphs), "", f"**{heading.summary(diff, glyphs)}**"]
    room = LIMIT - _size(head)
    lines = lines_of(diff, options.depth)
    rows = _rows(lines, glyphs)
    if _size(rows) > room:
        # The deepest that fits lies between one that does or is cut short, and one that does not fit.
        fits, exceeds = 1, max(line.level for line in lines)
        lines = lines_of(diff, fits)
        rows = _cut(lines, room, glyphs)
        while exceeds - fits > 1:
            depth = (fits + exceeds) // 2
            deeper = _rows(lines_of(diff, depth), glyphs)
            if _size(deeper) <= room:
                fits, rows = depth, deeper
            else:
                exceeds = depth
    return "\n".join([*head, *rows])


def _size(texts: Sequence[str]) -> int:
    return sum(len(text.encode("utf-8", "surrogatepass")) + 1 for text in texts)


def _cut(lines: Sequence[Line], room: int, glyphs: Glyphs) -> list[str]:
    """Return the table of as many of the first ``lines`` as fit, and one line that holds the costs of the others."""
    rows = _rows(lines, glyphs)
    if _size(rows) <= room:
        return rows
    kept, used = 0, _size(_rows(lines[:1], glyphs)) + _LAST_LINE
    table = _table(lines, glyphs)[2:]
    while kept < len(table) and used + _size(table[kept : kept + 1]) <= room:
        used += _size(table[kept : kept + 1])
        kept += 1
    costs = total(line.costs for line in lines[kept:] if not line.is_open)
    more = Line("more", lines[kept].level, (), costs, count=len(lines) - kept)
    return _rows([*lines[:kept], more], glyphs)


def _totals(diff: Diff, glyphs: Glyphs) -> Iterator[str]:
    yield "| | Before | After | Change | % |"
    yield "|---|--:|--:|--:|--:|"
    for title, name, value in heading.totals(diff):
        yield f"| {escape(title)} | {' | '.join(map(escape, amounts.told(name, value, glyphs)))} |"


def _rows(lines: Sequence[Line], glyphs: Glyphs) -> list[str]:
    """Return a blank line and the table of ``lines``, shut where it is long."""
    if not lines:
        return []
    table = _table(lines, glyphs)
    if len(lines) <= _SHUT:
        return ["", *table]
    return ["", "<details>", f"<summary>{len(lines):,} lines</summary>", "", *table, "", "</details>"]


def _table(lines: Sequence[Line], glyphs: Glyphs) -> list[str]:
    each = [_cells(line, glyphs) for line in lines]
    shown = [name for name in labels.COLUMNS if any(row[name] for row in each)]
    found = [
        f"| | {' | '.join(['Layer', *(labels.COLUMNS[name][0] for name in shown)])} |",
        f"|{'|'.join(['---', '---', *('--:' if labels.COLUMNS[name][1] else '---' for name in shown)])}|",
    ]
    for line, row in zip(lines, each, strict=True):
        label = "&emsp;" * min(line.level, _DEEPEST) + _label(line, glyphs)
        found.append(f"| {' | '.join([line.sort, label, *(row[name] for name in shown)])} |")
    return found


def _cells(line: Line, glyphs: Glyphs) -> dict[str, str]:
    return {
        name: escape(labels.words(name, line, glyphs)) if measure is None else _change(measure, line, glyphs)
        for name, (_, measure) in labels.COLUMNS.items()
    }


def _change(name: str, line: Line, glyphs: Glyphs) -> str:
    change, share = amounts.change(name, line.costs[name], glyphs), amounts.percent(line.costs[name], glyphs)
    return escape(f"{change} ({share})" if share not in ("", "?") else change)


def _label(line: Line, glyphs: Glyphs) -> str:
    if line.kind != "row":
        return escape(labels.count(line))
    name, said = labels.names(line, glyphs), labels.details(line, glyphs)
    parts = [code(name)] if name else []
    parts.append(f"{code(labels.types(line, glyphs))}{escape(labels.remark(line, glyphs))}")
    return " ".join(parts) + (f"<br>{code(said)}" if said else "")


def code(text: str, longest: int = _LONGEST) -> str:
    """Return ``text`` as code that is one cell of a table, whatever it holds; its middle goes where it is long."""
    if len(text) > longest:
        text = f"{text[: longest // 2]}\u2026{text[-longest // 2 :]}"
    if _PLAIN.fullmatch(text):
        return f"`{text}`"
    return f"<code>{escape(text)}</code>"


def escape(text: str) -> str:
    """Return ``text`` with every sign that Markdown, HTML or GitHub could read as theirs as a character reference."""
    return _SIGNS.sub(lambda found: f"&#{ord(found[0])};", text)
