"""What every format says in the same words: what ran, what it was held against, and where a limit is set."""

from __future__ import annotations

from collections.abc import Iterable

from convinspect.check.plan import Check
from convinspect.check.results import Baseline
from convinspect.check.verdicts import Row, Verdict
from convinspect.report import Report


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
