"""``convinspect diff``: two targets, saved reports or revisions to what changed between them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from convinspect.cli.completion import complete_target
from convinspect.cli.html_page import output_of, refuse_elsewhere, show
from convinspect.cli.options import (
    form_of,
    form_options,
    gathering_options,
    open_option,
    request_of,
    run_options,
    traceback_option,
)
from convinspect.cli.screen import fitted
from convinspect.cli.streams import say
from convinspect.cli.waiting import patience
from convinspect.diff import FORMATS, render
from convinspect.errors import InspectError, ModelError, UsageError
from convinspect.parsing import parse_target
from convinspect.render.options import Options
from convinspect.spec import SECTIONS, Request

if TYPE_CHECKING:
    from convinspect.gather import Outcome
    from convinspect.load.kinds import Kind
    from convinspect.report import Report

_REVISION = "git:"
_NARROWEST = 40


@dataclass(frozen=True, slots=True)
class _Side:
    """One of the two: its name for people, what is asked of it, and the git revision it is read at."""

    name: str
    request: Request
    revision: str | None

    @property
    def text(self) -> str:
        """The target as a reader of the diff knows it."""
        return self.request.target.text + (f" at {self.revision}" if self.revision is not None else "")


@click.command(no_args_is_help=True)
@click.argument("before", metavar="A", shell_complete=complete_target)
@click.argument("after", metavar="B", shell_complete=complete_target)
@run_options
@click.option("--depth", type=click.IntRange(min=0), help="Tell of what lies deeper than this many rows in one line.")
@click.option("--width", type=click.IntRange(min=_NARROWEST), help="Characters a line; by default the window's.")
@form_options(tuple(FORMATS), "as --output is called, else a table", "the diff")
@open_option
@click.option("--exit-code", is_flag=True, help="Exit with 1 where there is a difference.")
@gathering_options
@traceback_option
def diff(before: str, after: str, **options: Any) -> int:
    """Show what changed from A to B: rows added, removed, renamed and changed, and what that did to the totals.

    A and B are targets as summary takes them, or saved reports. git:REVISION stands for the other one's target at that
    revision of its repository: as A it is what there was before, as B what comes after.

    \b
    Example:
      convinspect diff git:HEAD model.py --input 3,224,224
      convinspect diff old.json new.json --format markdown
    """
    form = form_of(options, "table", FORMATS)
    refuse_elsewhere(options, form)
    sides = _sides(before, after, {**options, "sections": SECTIONS if form == "html" else ()})
    output = output_of(options, [side.request.target.source for side in sides])
    with output.claimed():
        from convinspect.diff.compare import compare  # noqa: PLC0415 - a usage error must not wait for it

        ours, theirs = _reports(sides, options)
        found = compare(ours, theirs, (_label(sides[0], ours), _label(sides[1], theirs)))
        layout = fitted(Options(width=options["width"] or 0, depth=options["depth"]), output.screen)
        output.write(render(found, form, layout))
        if options["open_"]:
            show(output)
        return 1 if options["exit_code"] and found.differs else 0


def _sides(before: str, after: str, options: dict[str, Any]) -> tuple[_Side, _Side]:
    """Return both sides; raises `UsageError` where a revision has no target, or an option nothing that it says."""
    revisions = _revision(before), _revision(after)
    if None not in revisions:
        raise UsageError(f"{before} {after}: no target", f"for example: convinspect diff {before} model.py")
    targets = (after if revisions[0] is not None else before, before if revisions[1] is not None else after)
    if revisions != (None, None) and _kind(targets[0]) == "report":
        raise UsageError(f"{targets[0]}: a saved report is not made again at a revision", "name the model")
    ours, theirs = targets
    return (
        _Side("before", _request(ours, theirs, options), revisions[0]),
        _Side("after", _request(theirs, ours, options), revisions[1]),
    )


def _request(target: str, other: str, options: dict[str, Any]) -> Request:
    """Return the request of one side; options that are meant for the ``other`` one alone are not given to it."""
    from convinspect.load.kinds import KINDS  # noqa: PLC0415 - --help must not wait for it

    request = replace(request_of(target, options), sections=options["sections"])
    elsewhere = KINDS[_kind(target)].idle - KINDS[_kind(other)].idle
    return replace(request, given=tuple(option for option in request.given if option not in elsewhere))


def _revision(text: str) -> str | None:
    if not text.startswith(_REVISION):
        return None
    revision = text[len(_REVISION) :]
    if not revision or revision.startswith("-"):
        raise UsageError(f"{text}: not a revision", "for example: git:HEAD~1")
    return revision


def _kind(target: str) -> Kind:
    from convinspect.load import kind_of  # noqa: PLC0415 - --help must not wait for it

    return kind_of(parse_target(target).source)


def _reports(sides: tuple[_Side, _Side], options: dict[str, Any]) -> tuple[Report, Report]:
    """Return the reports of both sides; each model is built and run in a process of its own.

    Raises the error of the first side that has no whole report.
    """
    from convinspect.gather import Job, gather  # noqa: PLC0415 - a usage error must not wait for it

    jobs = [Job(side.request, Path.cwd(), side.revision) for side in sides]
    device = options["device"]
    with patience(" and ".join(side.text for side in sides), device):
        # Two models on a real device would compete for its memory, and for what is measured of it.
        workers = 2 if device == "meta" else 1
        outcomes = gather(jobs, workers=workers, timeout=options["timeout"], cache=not options["no_cache"])
    ours, theirs = map(_whole, sides, outcomes)
    return ours, theirs


def _whole(side: _Side, outcome: Outcome) -> Report:
    """Return the side's report under its name; what a forward that stopped did not reach is no difference."""
    for note in outcome.notes:
        say(f"note: {side.name}: {note}")
    report, complaint = outcome.report, outcome.error
    if complaint is not None:
        error = InspectError(f"{side.name}: {complaint.message}", complaint.hint, complaint.lines)
        error.exit_code = complaint.exit_code
        raise error
    if report is None:
        raise ModelError(f"{side.name}: {side.text}: no report")
    if report.stopped is not None:
        raise ModelError(f"{side.name}: {side.text}: {report.stopped}", "a diff needs two whole forwards")
    for warning in report.warnings:
        if warning.is_told:
            say(f"note: {side.name}: {warning.message}")
    return report


def _label(side: _Side, report: Report) -> str:
    """Return what the side is called: a saved report also by the target that it was made of."""
    made_of = report.model.target
    return side.text if made_of in (side.request.target.text, side.text) else f"{side.text} (of {made_of})"
