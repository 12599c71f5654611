"""What can go wrong, in words for the person at the shell, with the exit code that scripts read."""

from __future__ import annotations

import traceback
from pathlib import Path

_OURS = str(Path(__file__).resolve().parent)


class InspectError(Exception):
    """A failure that is reported as one line and perhaps a hint, never as a traceback.

    ``message`` says what happened in the user's words; ``hint`` says what to try. ``lines`` stand between them, for
    what is a list.
    """

    exit_code = 2

    def __init__(self, message: str, hint: str | None = None, lines: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.lines = lines

    def within(self, context: str) -> InspectError:
        """Return the same error with ``context`` (a file, an option) put in front of its message."""
        placed = type(self)(f"{context}: {self.message}", self.hint, self.lines)
        placed.__cause__ = self.__cause__
        return placed


class UsageError(InspectError):
    """The request itself is wrong: an option, a spec, a target that is not there. Exit 2."""


class UndecidedError(UsageError):
    """A file holds several models: ``names`` can be written behind its colon, ``lines`` say what each of them takes."""

    names: tuple[str, ...] = ()


class ModelError(InspectError):
    """The user's own code failed: its import, its constructor or its forward. Exit 3."""

    exit_code = 3


def describe(error: BaseException) -> str:
    """Return type, first line and the user's own file and line that raised."""
    if isinstance(error, SyntaxError):
        return f"line {error.lineno}: {type(error).__name__}: {error.msg}"
    lines = [line.strip() for line in _text(error).splitlines() if line.strip()]
    said = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
    frames = [f for f in traceback.extract_tb(error.__traceback__) if is_users(f.filename)]
    return f"{said} ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else said


def _text(error: BaseException) -> str:
    """Return the error's message; nothing where it has none that can be written."""
    try:
        return str(error).encode("utf-8", "backslashreplace").decode("utf-8")
    except Exception:  # noqa: BLE001 - an exception class of the user's own
        return ""


def is_users(filename: str) -> bool:
    """Tell a file of the user's own code from ours, torch's and Python's."""
    parts = filename.replace("\\", "/").split("/")
    return not filename.startswith(("<", _OURS)) and "site-packages" not in parts and "importlib" not in parts
