"""The report of a request; of a file with several models that of the one which a person at a terminal chooses."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from convinspect.cli.patience import patience
from convinspect.cli.streams import say
from convinspect.errors import UndecidedError
from convinspect.spec import Request, parse_target
from convinspect.units import printable

if TYPE_CHECKING:
    from convinspect.report import Report


def reported(request: Request) -> tuple[Request, Report]:
    """Return the report, and the request that it is of: its target may have been chosen on the way.

    Raises `UndecidedError` where nobody is there to be asked, or answers with something else.
    """
    try:
        return request, _summarised(request)
    except UndecidedError as error:
        name = _answer(error)
        if name is None:
            raise
    chosen = replace(request, target=parse_target(f"{request.target.source}:{name}"))
    return chosen, _summarised(chosen)


def _summarised(request: Request) -> Report:
    from convinspect.pipeline import summarise  # noqa: PLC0415 - a usage error must not wait for it

    with patience(request.target.text, request.device):
        return summarise(request)


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
