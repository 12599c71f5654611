"""The line between our code and the user's: whatever theirs raises becomes one clear error."""

from __future__ import annotations

import io
import os
import re
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from traceback import clear_frames, walk_tb

from convinspect.errors import InspectError, ModelError, UsageError, describe, is_ours
from convinspect.machine import WITHOUT_DATA, refused_bytes
from convinspect.units import size

_KEPT = (
    (sys, "argv"),
    (sys, "excepthook"),
    (sys, "unraisablehook"),
    (sys, "displayhook"),
    (threading, "excepthook"),
    (warnings, "formatwarning"),
)
_USAGE = 2  # what argparse and click exit with


@contextmanager
def as_a_program(source: str, argv: Sequence[str]) -> Iterator[None]:
    """Run the block with the command line of ``python FILE ARGV``: code that reads its own must not read ours."""
    with process_kept():
        sys.argv = [source, *argv]
        yield


@contextmanager
def process_kept() -> Iterator[None]:
    """Run the block, and put back what Python keeps once for a process: its folder, environment, hooks and limits.

    A warning of what called the user's code is one of the user's code: it names no line of ours.
    """
    folder, environment, limit = _folder(), os.environ.copy(), sys.getrecursionlimit()
    kept = [(module, name, getattr(module, name)) for module, name in _KEPT]
    warnings.formatwarning = _naming_no_line_of_ours(warnings.formatwarning)
    try:
        yield
    finally:
        for module, name, value in kept:
            setattr(module, name, value)
        sys.setrecursionlimit(limit)
        if os.environ.copy() != environment:
            os.environ.clear()
            os.environ.update(environment)
        if folder is not None and _folder() != folder:
            os.chdir(folder)


def _naming_no_line_of_ours(write: Callable[..., str]) -> Callable[..., str]:
    def written(
        message: Warning | str, category: type[Warning], filename: str, lineno: int, line: str | None = None
    ) -> str:
        if is_ours(filename):
            return f"{category.__name__}: {message}\n"
        return write(message, category, filename, lineno, line)

    return written


def _folder() -> str | None:
    try:
        return os.getcwd()  # noqa: PTH109 - it goes back to chdir as it came
    except OSError:
        return None  # it was deleted


@contextmanager
def running_users_code(what: str, hint: Callable[[BaseException], str | None] | None = None) -> Iterator[None]:
    """Run the block, in which the user's code runs as ``what``, and raise `ModelError` for what it raises.

    ``hint`` may know what to try where a certain error was raised.
    """
    try:
        with room_kept():
            yield
    except (InspectError, KeyboardInterrupt):
        raise
    except SystemExit as error:
        said = f": {words}" if (words := _complaint(error)) else ""
        raise ModelError(f"{what}: the code called exit({error.code!r}){said}", _hint(error)) from error
    except BaseException as error:
        refuse_for_want_of_memory(error, what)
        raise ModelError(f"{what}: {describe(error)}", _hint(error, hint)) from error


@contextmanager
def room_kept() -> Iterator[None]:
    """Run the block, in which the user's code may leave no frame to call anything in, and raise the limit again."""
    limit = sys.getrecursionlimit()
    try:
        yield
    finally:
        sys.setrecursionlimit(max(limit, sys.getrecursionlimit()))


def refuse_for_want_of_memory(error: BaseException, what: str) -> None:
    """Raise `UsageError` in place of ``error`` where ``what`` asked for more memory than there is."""
    asked = refused_bytes(error)
    if asked is not None:
        refused = f": another {size(asked)} were refused" if asked else ""
        raise UsageError(f"{what} needs more memory than this machine has{refused}", WITHOUT_DATA) from error


def let_go(error: BaseException) -> None:
    """Let go of what the frames that ``error`` ended hold: its traceback keeps them, and whoever keeps the error."""
    for link in chain(error):
        clear_frames(link.__traceback__)


def chain(error: BaseException) -> Iterator[BaseException]:
    """Yield ``error``, then what it was raised from, and so on."""
    link: BaseException | None = error
    seen: set[int] = set()
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link
        link = link.__cause__ or link.__context__


@contextmanager
def unheard() -> Iterator[None]:
    """Run the block without what the user's code prints and warns of: it says it a second time."""
    with redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _complaint(error: BaseException) -> str:
    """Return what argparse or click has to say of a command line; empty where neither has."""
    if isinstance(error, SystemExit) and error.code != _USAGE:
        return ""
    frames = [frame for frame, _ in walk_tb(error.__traceback__) if frame.f_globals.get("__name__") == "argparse"]
    said = next((frame.f_locals.get("message") for frame in frames if frame.f_code.co_name == "error"), None)
    known = error.__context__ if isinstance(error, SystemExit) else error
    format_message = getattr(known, "format_message", None)
    return str(said or (format_message() if callable(format_message) else "")).rstrip(".")


def _wanted(complaint: str) -> str:
    """Return the command line that a ``complaint`` asks for, with a gap for each value."""
    _, required, names = complaint.partition("are required: ")
    options = re.findall(r"(?<![\w-])--?[A-Za-z][\w-]*", complaint)
    wanted = [name.rpartition("/")[2] for name in names.split(", ")] if required else options
    return " ".join(f"{name} ..." if name.startswith("-") else "..." for name in wanted) or "..."


def _hint(error: BaseException, known: Callable[[BaseException], str | None] | None = None) -> str | None:
    """Return what to try: a command line that was asked for, what is ``known`` of the place, or what is missing."""
    complaint = _complaint(error)
    if complaint or (isinstance(error, SystemExit) and error.code == _USAGE):
        return f"it reads its command line, which is given with --argv '{_wanted(complaint)}'"
    if known is not None and (said := known(error)) is not None:
        return said
    missing = (error.name or "").partition(".")[0] if isinstance(error, ModuleNotFoundError) else ""
    return f"is {missing} installed in this environment?" if missing.isidentifier() else None
