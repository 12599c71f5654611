"""A diff as Markdown for the comment of a pull request: tables that no name can break, never longer than it may be."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from convinspect.diff import cells, heading, labels, numbers
from convinspect.diff.costs import added, nothing
from convinspect.diff.difference import Diff
from convinspect.diff.lines import Line, lines_of
from convinspect.diff.options import Options
from convinspect.diff.signs import UNICODE, Signs

# What GitHub takes for a comment is counted in characters; in bytes this holds wherever it is counted.
LIMIT = 65_536
# A longer table of rows is shut: the totals must not be scrolled out of sight.
_SHUT = 40

_COLUMNS = {"output": "Output", "params": "Params", "macs": "MACs", "activations": "Activations", "rf": "RF"}
_LEFT = ("output", "rf")
# What can stand between backticks in a cell as it is: it neither ends the code nor the cell, nor begins with a space.
_PLAIN = re.compile(r"[^`|\\\s]([^`|\\\r\n]*[^`|\\\s])?")
_SIGNS = re.compile(r"[^\w\s.,()+%/\u2192\u2265\u2264\u00b7\u00d7-]|_")


def write(diff: Diff, options: Options) -> str:
    """Return Markdown of at most `LIMIT` bytes: deeper rows fold first, and then the last ones are counted."""
    signs = UNICODE
    if not diff.differs:
        return "\n".join([*_sides(diff, signs), "", f"**{heading.NO_DIFFERENCE}**"])
    lines = lines_of(diff, options.depth)
    deepest = max(line.level for line in lines)
    for depth in range(deepest, 1, -1):
        text = _text(diff, lines, signs)
        if _fits(text):
            return text
        lines = lines_of(diff, depth - 1)
    return _text(diff, _first_that_fit(diff, lines, signs), signs)


def _fits(text: str) -> bool:
    return len(text.encode("utf-8", "surrogatepass")) <= LIMIT


def _first_that_fit(diff: Diff, lines: Sequence[Line], signs: Signs) -> Sequence[Line]:
    """Return as many of the first ``lines`` as fit, and one line that holds the costs of the others."""
    if _fits(_text(diff, lines, signs)):
        return lines
    few, many = 0, len(lines)
    while many - few > 1:
        middle = (few + many) // 2
        if _fits(_text(diff, _cut(lines, middle), signs)):
            few = middle
        else:
            many = middle
    return _cut(lines, few)


def _cut(lines: Sequence[Line], kept: int) -> Sequence[Line]:
    """Return the first ``kept`` lines and one for the rest, whose costs are those of the closed lines among it."""
    costs = nothing()
    for line in lines[kept:]:
        if not line.is_open:
            costs = added(costs, line.costs)
    return [*lines[:kept], Line("more", lines[kept].level, (), costs, hidden=len(lines) - kept)]


def _text(diff: Diff, lines: Sequence[Line], signs: Signs) -> str:
    rows = list(_rows(lines, signs))
    if len(rows) > _SHUT:
        rows = ["<details>", f"<summary>{len(lines):,} lines</summary>", "", *rows, "", "</details>"]
    return "\n".join(
        [*_sides(diff, signs), "", *_totals(diff, signs), "", f"**{heading.summary(diff, signs)}**", "", *rows]
    )


def _sides(diff: Diff, signs: Signs) -> Iterator[str]:
    for name, text in heading.sides(diff.before, diff.after, signs):
        # Two spaces at its end break a line.
        yield f"**{name}** {code(text)}  " if name else f"{code(text)}  "


def _totals(diff: Diff, signs: Signs) -> Iterator[str]:
    yield "| | Before | After | Change | % |"
    yield "|---|--:|--:|--:|--:|"
    for title, name, value in heading.totals(diff):
        texts = (
            numbers.amount(name, value.before, signs),
            numbers.amount(name, value.after, signs),
            numbers.change(name, value, signs),
            numbers.percent(value, signs),
        )
        yield f"| {escape(title)} | {' | '.join(map(escape, texts))} |"


def _rows(lines: Sequence[Line], signs: Signs) -> Iterator[str]:
    each = [_cells(line, signs) for line in lines]
    shown = [name for name in _COLUMNS if any(row[name] for row in each)]
    yield f"| | {' | '.join(['Layer', *(_COLUMNS[name] for name in shown)])} |"
    yield f"|{'|'.join(['---', '---', *('---' if name in _LEFT else '--:' for name in shown)])}|"
    for line, row in zip(lines, each, strict=True):
        label = f"{'&emsp;' * line.level}{_label(line, signs)}"
        yield f"| {' | '.join([_sort(line), label, *(row[name] for name in shown)])} |"


def _cells(line: Line, signs: Signs) -> dict[str, str]:
    row = line.row if line.kind == "row" else None
    return {
        "output": escape(cells.outputs(row, signs)) if row is not None else "",
        "params": _change("params", line, signs),
        "macs": _change("macs", line, signs),
        "activations": _change("allocated_bytes", line, signs),
        "rf": escape(cells.receptive_field(row, signs)) if row is not None else "",
    }


def _change(name: str, line: Line, signs: Signs) -> str:
    change, share = numbers.change(name, line.costs[name], signs), numbers.percent(line.costs[name], signs)
    return escape(f"{change} ({share})" if share not in ("", "?") else change)


def _sort(line: Line) -> str:
    if line.kind != "row":
        return ""
    if line.row.status in ("changed", "unchanged"):
        return "changed" if line.row.itself or line.hidden else ""
    return line.row.status


def _label(line: Line, signs: Signs) -> str:
    if line.kind == "more":
        return f"{line.hidden:,} more lines"
    if line.kind == "rest":
        return escape(labels.rest(line))
    if line.kind == "own":
        return labels.OWN
    name, said = labels.names(line, signs), labels.details(line, signs)
    parts = [code(name)] if name else []
    parts.append(f"{code(labels.types(line, signs))}{escape(labels.remark(line, signs))}")
    return " ".join(parts) + (f"<br>{code(said)}" if said else "")


def code(text: str) -> str:
    """Return ``text`` as code that is one cell of a table, whatever it holds."""
    if _PLAIN.fullmatch(text):
        return f"`{text}`"
    return f"<code>{escape(text)}</code>"


def escape(text: str) -> str:
    """Return ``text`` with every sign that Markdown, HTML or GitHub could read as theirs as a character reference."""
    return _SIGNS.sub(lambda found: f"&#{ord(found[0])};", text)
