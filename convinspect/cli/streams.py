"""Who writes where: stdout carries the report alone, and everything else goes to stderr.

A stream that takes nothing is never a reason for another exit code than the run's own.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

from convinspect.errors import UsageError

_STANDARD = (0, 1, 2)
_CANNOT_WRITE = (errno.EPIPE, errno.ENOSPC, errno.EIO, errno.EBADF, errno.EFBIG, errno.EDQUOT)


def complete_descriptors() -> None:
    """Open the null device in place of a standard stream that is closed: the next file would get its number."""
    for number in _STANDARD:
        if not _is_open(number):
            os.open(os.devnull, os.O_RDWR)


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def say(text: str) -> None:
    """Write a line to stderr; where that cannot be written to, nobody listens, and the run goes on."""
    if sys.stderr is None:
        return
    with suppress(OSError, ValueError):
        try:
            sys.stderr.write(f"{text}\n")
        except UnicodeEncodeError:
            sys.stderr.write(f"{text.encode('ascii', 'backslashreplace').decode()}\n")
        sys.stderr.flush()


@contextmanager
def report_stream() -> Iterator[TextIO | None]:
    """Give the real stdout for the report, and let all other writing to stdout go to stderr, for good.

    File descriptor 1 itself is turned as well, for what C code, child processes and exit handlers print. ``None``
    where stdout is closed.
    """
    real = sys.stdout
    if real is None:
        sys.stdout = _to_stderr()
        yield None
        return
    try:
        real.flush()
        kept = os.dup(real.fileno())
        os.dup2(2, real.fileno())
    except (OSError, ValueError, AttributeError):  # no real file: a test or a notebook captures it
        sys.stdout = sys.stderr
        yield real
        return
    sys.stdout = _to_stderr()
    stream = os.fdopen(kept, "w", encoding=real.encoding, errors="backslashreplace", newline="")
    try:
        yield stream
    finally:
        _close(stream)


class _Patient(io.TextIOWrapper):
    """Text whose writes never fail: what a model prints is no reason for it to stop."""

    def write(self, text: str, /) -> int:
        """Write ``text``, or lose it."""
        with suppress(OSError):
            return super().write(text)
        return len(text)

    def flush(self) -> None:
        """Write out what is buffered, as far as that is possible."""
        with suppress(OSError):
            super().flush()


def _to_stderr() -> TextIO:
    """Return a text file on descriptor 2, which it does not own."""
    raw = io.BufferedWriter(io.FileIO(2, "w", closefd=False))
    return _Patient(raw, encoding="utf-8", errors="backslashreplace", line_buffering=True)


def write_report(stream: TextIO | None, text: str) -> bool:
    """Write ``text`` and a line break, and return whether it was taken; a reader who has seen enough is no error.

    Raises `UsageError` where it cannot be written.
    """
    if stream is None:
        raise UsageError("the report cannot be written: standard output is closed", "--output FILE writes it to a file")
    try:
        stream.write(f"{text}\n")
        stream.flush()
    except BrokenPipeError:
        _silence(stream)
        return False
    except OSError as error:
        _silence(stream)
        raise UsageError(f"the report cannot be written: {error.strerror}") from error
    return True


@contextmanager
def printed() -> Iterator[None]:
    """Run the block, which may print to stdout by other ways than `write_report`: help, a version."""
    try:
        yield
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        # Once the report's stream is claimed, stdout is stderr: what fails then is something else.
        if sys.stdout is not sys.__stdout__ or error.errno not in _CANNOT_WRITE:
            raise
        if isinstance(error, BrokenPipeError):
            return
        raise UsageError(f"cannot write to standard output: {error.strerror}") from error


def settle() -> None:
    """Leave nothing behind that Python could fail to write when it ends: it would end in an exit code of its own."""
    for stream in (sys.stdout, sys.__stdout__, sys.stderr, sys.__stderr__):
        if stream is None:
            continue
        try:
            stream.flush()
        except (OSError, ValueError):
            _silence(stream)


def _close(stream: TextIO) -> None:
    try:
        stream.close()
    except OSError:
        _silence(stream)
        with suppress(OSError):
            stream.close()


def _silence(stream: TextIO) -> None:
    """Turn what is still to be written away from a file that takes nothing."""
    with suppress(OSError, ValueError, AttributeError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)
