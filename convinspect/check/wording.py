"""Values, limits and runs in words: rounded, and in full wherever rounding would hide what differs."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TypeAlias

from convinspect import units
from convinspect.check.limits import Check
from convinspect.check.metrics import EVERYTHING, Metric, Reading
from convinspect.check.results import Baseline, Row, Verdict
from convinspect.report import Report

# A whole number, or infinity.
Number: TypeAlias = "int | float"

# Shorter counts are as easy to read in full.
_LONG = 1_000_000
# Less than this, in percent, would read as nothing.
_LEAST = 0.1


def pair(metric: Metric, value: Number, limit: Number) -> tuple[str, str]:
    """Return ``value`` and ``limit`` in the same form: rounded, unless they differ and would read the same."""
    short = amount(metric, value), amount(metric, limit)
    if value != limit and short[0] == short[1]:
        return in_full(metric, value), in_full(metric, limit)
    return short


def amount(metric: Metric, value: Number) -> str:
    """Return ``value`` as people read it: ``25,557,032`` parameters, ``4.089G`` MACs, ``85.31 KiB``."""
    if value == EVERYTHING:
        return "the whole input"
    if metric.unit == "bytes":
        return units.size(int(value))
    if metric.in_full or metric.unit == "positions" or value < _LONG:
        return units.exact(int(value))
    return units.count(int(value))


def in_full(metric: Metric, value: Number) -> str:
    """Return every digit of ``value``; bytes with their unit."""
    if value == EVERYTHING:
        return "the whole input"
    return units.exact(int(value)) + (" B" if metric.unit == "bytes" else "")


def reading(read: Reading, known: str) -> str:
    """Return what is known of a value whose known end reads ``known``."""
    if read.is_exact:
        return known
    if read.is_unknown:
        return "not known"
    return f"{'>=' if read.high == math.inf else '<='} {known}"


def share(part: Number, of: Number) -> str:
    """Return ``part``, which is not negative, as a percentage of ``of``; empty where there is nothing to divide by."""
    if not of or math.inf in (part, of):
        return ""
    percent = 100 * part / of
    if 0 < percent < _LEAST:
        return f"<{_LEAST}%"
    if 100 - _LEAST / 2 <= percent < 100:  # noqa: PLR2004 - all but a little is not all
        return f">{100 - _LEAST}%"
    return f"{percent:,.1f}%"


def margin(metric: Metric, value: Number, limit: Number, *, least: bool) -> str:
    """Return how far ``value`` is from ``limit``: ``1,200 left (5.0%)``, ``1 over (<0.1%)``, ``12 short``."""
    if math.inf in (value, limit):
        return ""
    within = value >= limit if least else value <= limit
    word = {(True, True): "above", (True, False): "short", (False, True): "left", (False, False): "over"}[least, within]
    gap = abs(value - limit)
    hidden = gap and amount(metric, value) == amount(metric, limit)
    portion = share(gap, limit) if gap else ""
    text = in_full(metric, gap) if hidden else amount(metric, gap)
    return f"{text} {word}" + (f" ({portion})" if portion else "")


def about_run(report: Report) -> str:
    """Return what was inspected, and how it ran."""
    model, run = report.model, report.run
    if model.format == "weights":
        return f"{model.name}, a file of weights"
    inputs = ", ".join(f"{tensor.name} {'x'.join(map(str, tensor.shape))}" for tensor in report.inputs)
    return f"{model.name}, {model.mode} mode on {run.device} in {run.dtype}" + (f", input {inputs}" if inputs else "")


def about_baseline(baseline: Baseline) -> str:
    """Return which baseline it is, when and from what it was made, and what differs without harm."""
    head = f"baseline {baseline.name}"
    if baseline.problem is not None:
        return f"{head}: {baseline.problem.message}"
    if baseline.report is None:
        return f"{head}: {baseline.absent}"
    tool = baseline.report.tool
    made = (
        f"{head}: {'now ' if baseline.written else ''}{baseline.made} by convinspect {tool.version}, torch {tool.torch}"
    )
    return f"{made}: {'; '.join(baseline.notes) or 'the same kind of run'}"


def rows_text(rows: Iterable[Row], space: str = " ") -> str:
    """Return rows and their amounts in one line, ``space`` inside of each."""
    return ", ".join(f"{row.name} {row.amount}".replace(" ", space) for row in rows)


def where_to_edit(verdict: Verdict, check: Check) -> str:
    """Return the option, or the key and its file, that sets the limit."""
    return f"{verdict.key} in {check.config}" if check.config is not None else verdict.key


def sentences(verdict: Verdict, check: Check) -> tuple[str, ...]:
    """Return everything behind a verdict that is no plain pass, a line each."""
    told = (
        ("", f"{verdict.value}, {verdict.limit}" + (f": {verdict.margin}" if verdict.margin else "")),
        ("", verdict.reason),
        ("hint: ", verdict.hint),
        ("mostly in: ", rows_text(verdict.heaviest)),
        ("changed: ", rows_text(verdict.changed)),
        ("set by: ", where_to_edit(verdict, check) if verdict.exit_code else None),
        ("", check.message if verdict.exit_code else None),
    )
    return tuple(f"{label}{text}" for label, text in told if text and text != ", ")
