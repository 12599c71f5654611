"""What one process is told to do, the sealed letter in which it answers, and how it ended."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
from dataclasses import dataclass
from typing import Any

from convinspect.errors import Complaint
from convinspect.gather.job import Job
from convinspect.spec import Request

CANNOT_ANSWER = 74  # EX_IOERR of sysexits.h


@dataclass(frozen=True, slots=True)
class Moved:
    """A work tree at ``work``, of which a revision lies at ``tree``."""

    work: str
    tree: str


@dataclass(frozen=True, slots=True)
class Assignment:
    """One request, to be answered from ``folder`` with a letter in the file ``answer``, sealed with ``secret``.

    ``moved``: the files of the work tree are taken from elsewhere. ``libraries``: the file in which to leave the names
    of the installed modules in use, so that the next run need not import them; nothing is kept of such a run.
    """

    request: Request
    folder: str
    answer: str
    secret: str
    moved: Moved | None = None
    libraries: str | None = None


def seal(document: dict[str, Any], secret: str) -> bytes:
    """Return the letter: a digest that only the holder of ``secret`` can make, and the document."""
    body = json.dumps(document, separators=(",", ":")).encode()
    return _digest(body, secret) + b"\n" + body


def unseal(letter: bytes, secret: str) -> dict[str, Any] | None:
    """Return the document; `None` for a letter that is cut short, or was written by somebody else."""
    seal_, _, body = letter.partition(b"\n")
    if seal_ != _digest(body, secret):
        return None
    document: dict[str, Any] = json.loads(body)
    return document


def _digest(body: bytes, secret: str) -> bytes:
    return hashlib.sha256(secret.encode() + body).hexdigest().encode()


@dataclass(frozen=True, slots=True)
class Ending:
    """The exit code (negative: by that signal, `None`: it is not known), and whether the process was too slow.

    ``begun`` is false where it is not even known to have been started.
    """

    exit_code: int | None
    timed_out: bool = False
    begun: bool = True


def complaint_about(ending: Ending, job: Job, timeout: float | None) -> Complaint:
    """Return why a process that ended so has left no report."""
    text, code = job.request.target.text, ending.exit_code
    if ending.timed_out:
        after = "" if timeout is None else f" after {timeout:g} s"
        return Complaint(f"{text}: no report{after}: it was stopped", "allow it more time", 3)
    if not ending.begun:
        hint = "does it work to import torch in this Python?"
        return Complaint(f"{text}: the process that starts the models ended by itself", hint, 70)
    if code == CANNOT_ANSWER:
        return Complaint(f"{text}: its report could not be written to the folder of temporary files", "is it full?", 2)
    if code is None:
        return Complaint(f"{text}: its process disappeared before there was a report", None, 3)
    if code >= 0:
        message = f"{text}: the code ended its process, with exit code {code}, before there was a report"
        return Complaint(message, None, 3)
    if -code == signal.SIGKILL:
        hint = "most likely memory ran out: --device meta takes none for the weights"
        return Complaint(f"{text}: its process was killed (SIGKILL)", hint, 3)
    return Complaint(f"{text}: its process crashed ({_name_of(-code)})", None, 3)


def interpreter() -> list[str]:
    """Return this Python and the options of it that decide how the user's code runs."""
    return [sys.executable, *["-O"] * sys.flags.optimize, *(f"-W{option}" for option in sys.warnoptions)]


def _name_of(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def stderr() -> int:
    """Return where a model may write: where this process complains, if it can."""
    try:
        os.fstat(2)
    except OSError:
        from subprocess import DEVNULL  # noqa: PLC0415 - what is kept already runs no process

        return DEVNULL
    return 2
