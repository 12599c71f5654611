"""What can go wrong, in words for the person at the shell, with the exit code that scripts read."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

_OURS = str(Path(__file__).resolve().parent)
_NO_KERNEL = ". This could be because the operator doesn't exist for this backend"
_PYTHONS = str(Path(traceback.__file__).parent)


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


@dataclass(frozen=True, slots=True)
class Complaint:
    """An error as a value, for another process or a document: ``exit_code`` is what scripts read (2, 3 or 70)."""

    message: str
    hint: str | None
    exit_code: int
    lines: tuple[str, ...] = ()

    @property
    def sentences(self) -> tuple[str, ...]:
        """All that it says, a line each."""
        return (self.message, *self.lines, *([self.hint] if self.hint else []))

    @classmethod
    def of(cls, error: Exception) -> Complaint:
        """Return what ``error`` says; of what is no `InspectError`, a bug of ours, also what it is."""
        if isinstance(error, InspectError):
            return cls(error.message, error.hint, error.exit_code, error.lines)
        return cls(f"{type(error).__name__}: {error}", None, 70)


class UsageError(InspectError):
    """The request itself is wrong: an option, a spec, a target that is not there. Exit 2."""


class UndecidedError(UsageError):
    """The file ``source`` holds several models: ``names`` can be written behind it, ``lines`` say what each takes."""

    source = ""
    names: tuple[str, ...] = ()


# Answers with one of the names, or with nothing.
Ask: TypeAlias = Callable[[UndecidedError], "str | None"]


class ModelError(InspectError):
    """The user's own code failed: its import, its constructor or its forward. Exit 3."""

    exit_code = 3


def describe(error: BaseException) -> str:
    """Return type, first line and the user's own file and line that raised."""
    if isinstance(error, SyntaxError):
        return f"line {error.lineno}: {type(error).__name__}: {error.msg}"
    line = first_line(error)
    said = f"{type(error).__name__}: {line}" if line else type(error).__name__
    frames = [f for f in traceback.extract_tb(error.__traceback__) if is_users(f.filename)]
    return f"{said} ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else said


def first_line(error: BaseException) -> str:
    """Return the first line of the error's message that says something; empty where none can be written.

    Where an operator does not run on a backend, torch's line goes on with all that it could be, and who to ask.
    """
    try:
        text = str(error).encode("utf-8", "backslashreplace").decode("utf-8")
    except Exception:  # noqa: BLE001 - an exception class of the user's own
        return ""
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return line.partition(_NO_KERNEL)[0] if line.startswith("Could not run ") else line


def is_ours(filename: str) -> bool:
    """Tell a file of ours."""
    return filename.startswith(f"{_OURS}{os.sep}")


def is_users(filename: str) -> bool:
    """Tell a file of the user's own code from ours, torch's and Python's."""
    parts = filename.replace("\\", "/").split("/")
    torch = getattr(sys.modules.get("torch"), "__file__", None)
    folders = [_OURS, _PYTHONS, *([str(Path(torch).parent)] if torch else [])]
    installed = {"site-packages", "dist-packages", "importlib"}.intersection(parts)
    return not filename.startswith(("<", *(f"{folder}{os.sep}" for folder in folders))) and not installed
