"""What goes to stderr when something is wrong: one line and a hint, Python's account where it is asked for."""

from __future__ import annotations

import sys
import traceback

import click

from convinspect.cli.screen import has_color
from convinspect.cli.streams import say
from convinspect.errors import Complaint, InspectError, is_users
from convinspect.render.text import text_width
from convinspect.units import printable

_BUG = 70
# Longer messages are cut, with their length said: an exception can hold a whole tensor, or a file.
_LONGEST = 600
_TAIL = 100


def tell(error: Exception, *, in_full: bool) -> int:
    """Say what went wrong, ``in_full`` with Python's traceback, and return the exit code.

    What is no `InspectError` is a bug of ours.
    """
    if in_full:
        _trace(error)
    if isinstance(error, InspectError):
        complain(error.message, error.hint, error.lines)
        return error.exit_code
    complain(f"a bug in convinspect: {type(error).__name__}: {error}", "--traceback shows where it happened")
    return _BUG


def height_of(problem: Complaint | InspectError, width: int) -> int:
    """Return how many lines `complain` takes in a window of ``width`` cells."""
    labelled = [f"error: {problem.message}", *problem.lines, *([f"hint: {problem.hint}"] if problem.hint else [])]
    return sum(-(-text_width(_one_line(text)) // width) for text in labelled)


def complain(message: str, hint: str | None, lines: tuple[str, ...] = ()) -> None:
    """Say ``message``, each of ``lines`` below it, and ``hint``, in a line each; in colour where stderr takes it."""
    color = sys.stderr is not None and has_color(terminal=sys.stderr.isatty())
    for word, text, style, below in (("error:", message, "red", lines), ("hint:", hint, "cyan", ())):
        if text:
            say(f"{click.style(word, fg=style, bold=True) if color else word} {_one_line(text)}")
        for line in below:
            say(f"  {_one_line(line)}")


def _one_line(text: str) -> str:
    """Return ``text`` on one line, escaped, and cut where it is long: it may be the user's, or a file's."""
    plain = printable(" ".join(text.split()))
    if len(plain) <= _LONGEST:
        return plain
    shown = f"{plain[: _LONGEST - _TAIL]} ... {plain[-_TAIL:]}"
    return f"{shown} ({len(text):,} characters; --traceback shows them all)"


def _trace(error: BaseException) -> None:
    """Print the frames of the user's own code first, then Python's whole account."""
    cause = error.__cause__ or error
    frames = [frame for frame in traceback.extract_tb(cause.__traceback__) if is_users(frame.filename)]
    if frames:
        say("Traceback in your code (most recent call last):")
        said = "".join(traceback.format_exception_only(cause))
        say("".join(traceback.format_list(frames)) + said)
    say("".join(traceback.format_exception(error)))
