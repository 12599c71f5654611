"""Explanations as text, a heading a row and a figure a line; and as JSON, for programs and for those who draw them."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from convinspect.explain.steps import Explanation, Figure, RowExplanation, Step
from convinspect.explain.terms import TERMS
from convinspect.json_text import json_text
from convinspect.units import printable, size

SCHEMA = "convinspect.explain/1"
_MEMORY = "memory"
_INDENT, _TOPIC, _NAME = 2, 12, 27


def as_json(explanation: Explanation | None) -> str:
    """Return the document ``convinspect.explain/1``: figures by formula, and as they ran; of none the terms."""
    document: dict[str, Any] = {"terms": dict(TERMS)} if explanation is None else asdict(explanation)
    for row in document.get("rows", ()):
        row["settings"] = dict(row["settings"])
    return json_text({"schema": SCHEMA, **document}, indent=2)


def as_text(explanation: Explanation | None, width: int = 100) -> str:
    """Return ``explanation`` in lines of about ``width`` cells; a formula is never broken. Of none, what words mean."""
    if explanation is None:
        return _terms(width)
    blocks = [list(_row(row, width)) for row in explanation.rows]
    if explanation.unit is not None:
        unit = explanation.unit
        index = ",".join(map(str, unit.index))
        blocks.append([f"unit {index} of {unit.path or 'the model'} sees of {unit.input}"])
        blocks[-1] += _lines(explanation.unit_steps, width)
        blocks.append(list(explanation.picture))
    return "\n\n".join("\n".join(printable(line) for line in block) for block in blocks)


def _terms(width: int) -> str:
    blocks = []
    for name, text in TERMS:
        lines = textwrap.wrap(text, max(width, 20) - _INDENT, break_long_words=False, break_on_hyphens=False)
        blocks.append("\n".join([name, *(f"{'':{_INDENT}}{line}" for line in lines)]))
    return "\n\n".join(blocks)


def _row(row: RowExplanation, width: int) -> Iterator[str]:
    name = f"{row.type}()" if row.kind == "function" else row.type
    title = f"{row.path}: {name}" if row.path and row.kind == "module" else name
    within = f" in {row.path}" if row.path and row.kind == "function" else ""
    again = f" (call {row.call})" if row.call > 1 and row.kind == "module" else ""
    yield title + within + again
    settings = ", ".join(f"{key} {value}" for key, value in row.settings)
    if settings:
        yield from (f"{'':{_INDENT}}{line}" for line in textwrap.wrap(settings, max(width, 20) - _INDENT))
    yield from _lines(row.steps, width)


def _lines(steps: Sequence[Step], width: int) -> Iterator[str]:
    """Yield a line a figure, its topic where it begins; what does not fit beside the figure stands below it."""
    topic = ""
    for step in steps:
        named = f"{step.topic if step.topic != topic else '':<{_TOPIC}}{'' if step.what == 'own' else step.what}"
        topic = step.topic
        line = f"{'':{_INDENT}}{named:<{_NAME}} {_said(step)}"
        if step.why and len(line) + len(step.why) + 3 > width:
            yield line
            indent = " " * (_INDENT + _NAME + 1)
            yield from textwrap.wrap(step.why, max(width, 40), initial_indent=indent, subsequent_indent=indent)
        else:
            yield f"{line}   {step.why}" if step.why else line


def _said(step: Step) -> str:
    if step.value is None:
        return _figure(step, step.traced)
    # Nothing is gained from "24 = 24".
    value = _figure(step, step.value)
    result = value if step.working in (value, value.replace(",", "")) else f"{step.working} = {value}"
    if step.agrees:
        return result
    return f"{result}, but {_figure(step, step.traced)} ran: a bug in convinspect, please report it"


def _figure(step: Step, figure: Figure | None) -> str:
    if figure is None:
        return "unknown"
    if isinstance(figure, int):
        return f"{figure:,}" + (f" bytes ({size(figure)})" if step.topic == _MEMORY and figure >= 1024 else "")  # noqa: PLR2004 - a KiB
    return str(figure)
