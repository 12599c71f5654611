"""What the signs in the table mean, only those that occur, what it leaves out, and every warning."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from convinspect.render import field_summary
from convinspect.render.paragraphs import Line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from convinspect.records import Note
    from convinspect.render.glyphs import Glyphs
    from convinspect.render.layout import Layout
    from convinspect.report import Report

_NAMED = 3

_MORE = re.compile(r" \+\d+$")
_SPAN = "RF: least and most, where units differ: by channel, or by phase after resampling"
_LOCAL = "Jump, Start: with what makes the RF global set aside"


def legend(report: Report, layout: Layout, hidden: int, glyphs: Glyphs) -> Iterator[Line]:
    """Yield what the rows are, and the meaning of each sign that occurs in ``layout``."""
    yield from _rows(report, hidden)
    texts = {filled.column.name: filled.texts for filled in layout.columns}
    if "allocated" in texts:
        yield Line("Allocated", "bytes that a layer newly takes; none for views and in-place operators")
    params, rf, macs = texts.get("params", ()), texts.get("rf", ()), texts.get("macs", ())
    local = (*texts.get("jump", ()), *texts.get("start", ()))
    several = (*texts.get("input", ()), *texts.get("output", ()), *texts.get("dtype", ()))
    every = [text for column in texts.values() for text in column]
    brackets = any("all (" in text for text in rf)
    signs = (
        ("+n", any(_MORE.search(text) for text in several), "n more inputs, outputs or dtypes of the same layer"),
        ("all", any("all" in text for text in rf), _all(report, brackets=brackets)),
        (
            "axb",
            any("x" in text for text in rf),
            "RF: one extent for each spatial axis of the input, where they differ",
        ),
        ("a-b", any("-" in text for text in rf), _SPAN),
        ("(a)", any(text.startswith("(") for text in local), _LOCAL),
        ("~n", any("~" in text for text in rf), "RF: of the centre unit, clipped to the input: no one size holds"),
        ("data", "data" in rf, "RF: it depends on the data"),
        (glyphs.at_most, any(text.startswith(glyphs.at_most) for text in rf), "RF: at most"),
        ("*", any(text.endswith("*") for text in params), "frozen, all or some of them: these take no gradient"),
        ("(n)", any(text.startswith("(") for text in params), "parameters that are counted at the first call"),
        (glyphs.at_least, any(text.startswith(glyphs.at_least) for text in macs), "at least: see the notes"),
        ("?", "?" in every, "not known"),
    )
    for sign, occurs, meaning in signs:
        if occurs:
            yield Line(sign, meaning)


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


def _all(report: Report, *, brackets: bool) -> str:
    found = field_summary.causes(report.layers)
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    via = f", through {', '.join(found[:_NAMED])}{more}" if found else ""
    return f"RF: the whole input{via}" + ("; in brackets: with that set aside" if brackets else "")


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
