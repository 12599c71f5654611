"""For the terminal: a block a check, a line a limit, and below what is broken the rows behind it. Plain ASCII."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from convinspect.check.results import Result, Session, Verdict
from convinspect.check.wording import about_baseline, about_run, rows_text, where_to_edit
from convinspect.units import printable

_WIDTH = 80
_INDENT = " " * 6
# Stands for a space at which a line is not broken.
_KEPT = "\xa0"
# Longer words leave their column instead of widening it for all.
_WIDEST = (30, 24, 26)


def write(session: Session) -> str:
    """Return the results for people, within 80 columns where the words allow it."""
    head = [f"config: {session.config}"] if session.config is not None else []
    blocks = ["\n".join(printable(line) for line in _block(result)) for result in session.results]
    return "\n\n".join([*head, *blocks, session.tally()])


def _block(result: Result) -> Iterator[str]:
    check = result.check
    target = check.request.target.text
    yield from _wrapped("", check.name if check.name == target else f"{check.name}: {target}")
    if result.report is not None:
        yield from _wrapped(_INDENT, about_run(result.report))
    for baseline in result.baselines:
        if baseline.problem is not None and result.problem is not None:
            continue  # that is the problem
        yield from _wrapped(_INDENT, about_baseline(baseline))
    for note in result.notes:
        yield from _wrapped(_INDENT, f"note: {note}")
    if result.problem is not None:
        yield from _wrapped("ERROR ", result.problem.message)
        for line in result.problem.lines:
            yield from _wrapped(f"{_INDENT}  ", line)
        yield from _labelled("hint", result.problem.hint)
    yield from _lines(result)
    if result.exit_code:
        yield from _labelled("note", check.message)


def _lines(result: Result) -> Iterator[str]:
    texts = [(one.name, one.value, one.limit) for one in result.verdicts]
    widths = [
        min(widest, max(map(len, column))) for widest, column in zip(_WIDEST, zip(*texts, strict=True), strict=False)
    ]
    for one in result.verdicts:
        yield from _line(one, *widths)
        yield from _below(one, result)


def _line(one: Verdict, name: int, value: int, limit: int) -> Iterator[str]:
    aligned = f"{one.status:5} {one.name:<{name}}  {one.value:>{value}}  {one.limit:<{limit}}  {one.margin}".rstrip()
    head = "  ".join(filter(None, (f"{one.status:5} {one.name}", one.value, one.limit)))
    for line in (aligned, f"{head}  {one.margin}"):
        if len(line) <= _WIDTH:
            yield line
            return
    yield head
    yield from _labelled("", one.margin)


def _below(one: Verdict, result: Result) -> Iterator[str]:
    yield from _labelled("", one.reason)
    yield from _labelled("hint", one.hint)
    yield from _labelled("mostly in", rows_text(one.heaviest, _KEPT))
    yield from _labelled("changed", rows_text(one.changed, _KEPT))
    if one.exit_code:
        yield from _labelled("set by", where_to_edit(one, result.check))


def _labelled(label: str, text: str | None) -> Iterator[str]:
    if text:
        yield from _wrapped(f"{_INDENT}{label}: " if label else _INDENT, text)


def _wrapped(first: str, text: str) -> Iterator[str]:
    """Yield ``text`` in lines; a word that is longer than a line stands whole."""
    lines = textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=first,
        subsequent_indent=" " * max(len(first), 2),
        break_long_words=False,
        break_on_hyphens=False,
    )
    yield from (line.replace(_KEPT, " ") for line in lines)
