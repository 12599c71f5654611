"""``summary --watch``: the page again on every save, each time from a process in which nothing of the last run is."""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from convinspect.cli.asking import failure_of
from convinspect.cli.complaints import complain, height_of
from convinspect.cli.screen import fitted
from convinspect.cli.streams import report_stream, say, write_report
from convinspect.errors import UsageError
from convinspect.render import Options, render

if TYPE_CHECKING:
    from collections.abc import Sequence

    from convinspect.errors import Complaint, InspectError
    from convinspect.gather import Outcome
    from convinspect.report import Report
    from convinspect.spec import Request

_CLEAR = "\x1b[2J\x1b[H"
_WITHOUT = {
    "form": "--format",
    "as_json": "--json",
    "output": "--output",
    "partial": "--partial",
    "second_opinion": "--second-opinion",
    "traceback": "--traceback",
}


def refuse_to_watch(options: dict[str, Any]) -> None:
    """Raise `UsageError` for options that a page has no use for, and where the package that watches is not there."""
    for name, option in _WITHOUT.items():
        if options[name] and (name, options[name]) not in (("form", "table"), ("output", "-")):
            raise UsageError(f"--watch shows the page again on every save, and takes no {option}")
    if find_spec("watchfiles") is None:
        raise UsageError("--watch needs the package watchfiles", "pip install 'convinspect[watch]'")


def watch(request: Request, layout: Options) -> int:
    """Show the page of ``request`` now, and again whenever what it rests on was saved, until Ctrl-C; return 0."""
    from convinspect.cli.saves import Saves  # noqa: PLC0415 - a usage error must not wait for it
    from convinspect.gather import Job, gather  # noqa: PLC0415
    from convinspect.gather.workshop import workbench  # noqa: PLC0415

    job, saves = Job(request, Path.cwd()), Saves(request)
    with report_stream() as stdout, suppress(KeyboardInterrupt), workbench() as bench:
        screen = _Screen(request, layout, stdout)
        while True:
            saves.run_begins()
            (outcome,) = gather([job], cache=False, bench=bench, stop=saves.is_news)
            if outcome.report is None and saves.is_news():
                continue
            if not screen.show(outcome):
                break
            saves.run_ended(outcome.read)
            saves.wait()
    return 0


class _Screen:
    """Where the pages stand: in a window one at a time, in a pipe one after another."""

    def __init__(self, request: Request, layout: Options, stdout: TextIO | None) -> None:
        self._request = request
        self._layout = layout
        self._stdout = stdout
        self._is_window = stdout is not None and stdout.isatty()
        self._good: Report | None = None
        self._since = ""

    def show(self, outcome: Outcome) -> bool:
        """Show what became of a run: the page and what changed since the last good one, or an error below that one.

        Return whether anybody reads it.
        """
        report, now = outcome.report, time.strftime("%H:%M:%S")
        problem: Complaint | InspectError | None = outcome.error
        if report is not None:
            problem = failure_of(report, self._request)
        text = ""
        if problem is None and report is not None:
            try:
                text = self._page(report, self._news(report), now)
                self._good, self._since = report, now
            except UsageError as error:  # --only names a module that is not there any more
                problem = error
        if problem is not None and (self._is_window or self._good is None):
            text = self._page(self._good or report, [], now, problem)
        is_read = not text or write_report(self._stdout, text)
        if problem is not None:
            complain(problem.message, problem.hint, problem.lines)
        if sys.stderr is not None and sys.stderr.isatty():
            of = f"the page is that of {self._since}; " if problem is not None and self._good is not None else ""
            say(f"{now}: {of}waiting for the next save, Ctrl-C ends")
        return is_read

    def _page(
        self, report: Report | None, news: Sequence[str], now: str, problem: Complaint | InspectError | None = None
    ) -> str:
        """Return the page of ``report``, with room left below it for ``problem`` and for the word that it goes on."""
        width = self._fitted().width
        below = height_of(problem, width) if problem is not None else 0
        taken = len(news) + below + 1
        page = replace(self._fitted(taken), told=problem is not None)
        parts = [] if report is None else [render(report, "table", page), *news]
        if self._is_window:
            return _CLEAR + "\n".join(parts)
        return "\n".join([*(["", f" saved {now} ".center(width, "-")] if self._good is not None else []), *parts])

    def _news(self, report: Report) -> list[str]:
        """Return what changed since the last good page, in lines."""
        if self._good is None:
            return []
        from convinspect.diff.compare import compare  # noqa: PLC0415 - there is one from the second page on
        from convinspect.diff.heading import brief  # noqa: PLC0415
        from convinspect.render.text import ASCII, UNICODE, joined  # noqa: PLC0415

        page = self._fitted()
        said = brief(compare(self._good, report), ascii_only=page.ascii)
        said[0] = f"since {self._since}: {said[0]}"
        return joined(said, page.width, ASCII if page.ascii else UNICODE)

    def _fitted(self, taken: int = 0) -> Options:
        return fitted(self._layout, self._stdout, taken=taken)
