"""What the signs in the table mean, only those that occur, what it leaves out, and every warning."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from convinspect.render import field_summary
from convinspect.render.columns import Sign
from convinspect.render.text import Line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from convinspect.records import Note
    from convinspect.render.layout import Layout
    from convinspect.render.text import Glyphs
    from convinspect.report import Report

_NAMED = 3


def legend(report: Report, layout: Layout, hidden: int, glyphs: Glyphs) -> Iterator[Line]:
    """Yield what the rows are, what columns mean, and the meaning of each sign that occurs in ``layout``."""
    yield from _rows(report, hidden)
    for filled in layout.columns:
        if filled.column.meaning:
            yield Line(filled.column.heading, filled.column.meaning)
    for sign in Sign:
        columns = [filled for filled in layout.columns if sign in (*filled.column.signs, Sign.UNKNOWN)]
        found = [text for filled in columns for text in filled.texts if re.search(sign.pattern, text)]
        if found:
            causes = _causes(report, found) if sign is Sign.ALL else ""
            yield Line(sign.shown.format(glyphs=glyphs), sign.meaning + causes)


def _rows(report: Report, hidden: int) -> Iterator[Line]:
    if not any(layer.depth for layer in report.layers):
        return
    rest = ""
    if hidden == 1:
        rest = ", also one operator without MACs that is not shown: it keeps the shape, or is a view or a copy"
    elif hidden:
        rest = (
            f", also {hidden} operators without MACs that are not shown: "
            "they keep the shape (activations, additions), or are views or copies"
        )
    yield Line("Rows", f"a module includes the rows below it{rest}")


def _causes(report: Report, cells: Sequence[str]) -> str:
    found = field_summary.causes(report.layers)
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    via = f", through {', '.join(found[:_NAMED])}{more}" if found else ""
    return via + ("; in brackets: with that set aside" if any("all (" in cell for cell in cells) else "")


def warnings(report: Report) -> Iterator[Line]:
    """Yield why the forward stopped, and every warning; those that differ only by the numbers in them stand as one."""
    alike: dict[tuple[str, str], list[Note]] = {}
    for note in report.warnings:
        if note.code != "macs_lower_bound" or not report.uncounted:
            alike.setdefault((note.code, re.sub(r"\d+", "#", note.message)), []).append(note)
    texts = [*([report.stopped] if report.stopped else []), *map(_said, alike.values())]
    if report.uncounted:
        texts.append(f"MACs are a lower bound: no rule says what these operators cost: {_uncounted(report)}")
    for i, text in enumerate(texts):
        yield Line("" if i else "Notes", text, "yellow")


def _said(notes: Sequence[Note]) -> str:
    first = notes[0]
    place = f"{first.path}: " if first.path and first.path not in first.message else ""
    more = f" (and {len(notes) - 1} more like it)" if len(notes) > 1 else ""
    return place + first.message + more


def _uncounted(report: Report) -> str:
    ops: dict[str, list[str]] = {}
    for one in report.uncounted:
        times = f"{one.count}x in " if one.count > 1 else "in "
        ops.setdefault(one.op, []).append(times + (one.path or "the model"))
    said = []
    for op, places in ops.items():
        more = f" and {len(places) - _NAMED} other places" if len(places) > _NAMED else ""
        said.append(f"{op} ({', '.join(places[:_NAMED])}{more})")
    return "; ".join(said)
