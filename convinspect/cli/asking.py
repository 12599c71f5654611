"""The report of a request; of a file with several models that of the one which a person at a terminal chooses."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from convinspect.cli.streams import say
from convinspect.cli.waiting import patience
from convinspect.errors import UndecidedError
from convinspect.spec import Request, parse_target
from convinspect.units import printable

if TYPE_CHECKING:
    from convinspect.report import Report


def reported(request: Request) -> tuple[Request, Report]:
    """Return the report and its request, whose target may have been chosen on the way; say what was taken.

    Raises `UndecidedError` where nobody is there to be asked, or answers with something else.
    """
    from convinspect.pipeline import summarise  # noqa: PLC0415 - a usage error must not wait for it

    def be_patient() -> None:
        waiting.enter_context(patience(request.target.text, request.device))

    def ask(error: UndecidedError) -> str | None:
        nonlocal request
        waiting.close()
        name = _answer(error)
        if name is not None:
            request = replace(request, target=parse_target(f"{request.target.source}:{name}"))
            be_patient()
        return name

    with ExitStack() as waiting:
        be_patient()

        report = summarise(request, ask)
    for line in told(report):
        say(line)
    return request, report


def told(report: Report) -> list[str]:
    """Return the lines on what was taken where it was not named, and on another place that it ran in."""
    return [f"note: {note.message}" for note in report.warnings if note.is_told]


def _answer(error: UndecidedError) -> str | None:
    if not all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr)):
        return None
    say(f"{error.message}:")
    width = len(str(len(error.names)))
    for number, line in enumerate(error.lines, 1):
        say(f"  {number if number <= len(error.names) else '':>{width}}  {printable(line)}")
    sys.stderr.write(f"which one? 1-{len(error.names)}: ")
    sys.stderr.flush()
    answer = sys.stdin.readline().strip()
    if answer in error.names:
        return answer
    numbers = {str(number): name for number, name in enumerate(error.names, 1)}
    return numbers.get(answer)
