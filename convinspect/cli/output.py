"""``--output``: a report in a file, whole or not at all, and nothing else of the user's harmed.

Everything about the file is settled before the user's code runs: where it lies, that it can be written, that it is
none of the run's own inputs. A regular file is replaced in one step and keeps its mode, its owner and the links to
it; whatever else has the name (a device, a pipe) is opened and written to.
"""

from __future__ import annotations

import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from convinspect.cli.streams import report_stream, write_report
from convinspect.errors import UsageError

# A lone surrogate in a name, as JSON would write it.
_ESCAPED = "backslashreplace"
_ANY_WRITE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


@dataclass(slots=True)
class Output:
    """Where a report goes: a regular file at ``path``, anything else that is open as ``stream``, or standard output.

    ``stdout`` is the real one while it is `claimed`.
    """

    text: str = "-"
    path: Path | None = None
    stream: TextIO | None = None
    stdout: TextIO | None = None

    @property
    def is_stdout(self) -> bool:
        """Whether the report is printed."""
        return self.path is None and self.stream is None

    @property
    def screen(self) -> TextIO | None:
        """The stream that a reader sees; ``None``: the report goes into a file."""
        return self.stdout if self.is_stdout else None

    @contextmanager
    def claimed(self) -> Iterator[Output]:
        """Run the block, in which the report may be written; what else is written to stdout goes to stderr."""
        with report_stream() as self.stdout:
            try:
                yield self
            finally:
                with suppress(OSError):
                    if self.stream is not None:
                        self.stream.close()

    def write(self, text: str) -> None:
        """Write ``text`` and a line break; raises `UsageError` where it cannot be written."""
        if self.path is not None:
            self.write_bytes(f"{text}\n".encode(errors=_ESCAPED))
        else:
            write_report(self.stream or self.stdout, text)

    def write_bytes(self, content: bytes) -> None:
        """Write ``content`` into the file; raises `UsageError` where it is no regular one, or cannot be written."""
        path = self.path
        if path is None:
            raise UsageError(f"--output {self.text}: not a regular file")
        _refuse_sources(path, self.text)
        with _told(self.text):
            _write_file(path, content)


def open_output(text: str | None, inputs: Iterable[str]) -> Output:
    """Settle where the report goes: ``text`` is what ``--output`` was given, ``inputs`` the files that are read.

    Raises `UsageError` for a file that cannot be written, or that the run reads.
    """
    if text in (None, "-"):
        return Output()
    if not text or "\0" in text:
        raise UsageError(f"--output {text!r}: not the name of a file")
    with _told(text):
        return _settled(text, inputs)


@contextmanager
def _told(text: str) -> Iterator[None]:
    """Run the block, its failures told as failures of the option."""
    try:
        yield
    except OSError as error:
        raise UsageError(f"--output {text}: {error.strerror or error}") from error


def _settled(text: str, inputs: Iterable[str]) -> Output:
    path = Path(os.path.abspath(text))  # noqa: PTH100 - links stay: they are resolved below, where they can be told
    try:
        found = path.stat()
    except FileNotFoundError:
        return Output(text, _new_file(path, text))
    for stream in (sys.__stdout__, sys.__stderr__):
        # The null device is nobody's own: both streams may be on it, and the report is not lost twice.
        if stream is not None and _is_same(found, stream):
            return Output(text) if stream is sys.__stdout__ else Output(text, stream=_opened(path))
    if stat.S_ISDIR(found.st_mode):
        raise UsageError(f"--output {text}: is a folder", f"name the file in it: {Path(text) / 'report.json'}")
    if not stat.S_ISREG(found.st_mode):
        return Output(text, stream=_opened(path))
    if any(_is_same(found, name) for name in inputs):
        raise UsageError(f"--output {text}: the run reads this file")
    # Root may write what is read-only; whoever made it so did not mean this report.
    if not found.st_mode & _ANY_WRITE or not os.access(path, os.W_OK):
        raise UsageError(f"--output {text}: the file is read-only")
    return Output(text, path.resolve())


def _new_file(path: Path, text: str) -> Path:
    """Return where a file that is not there yet will be, behind whatever links."""
    path = path.resolve()
    if not path.parent.is_dir():
        missing = "not a folder" if path.parent.exists() else "no such folder"
        raise UsageError(f"--output {text}: {path.parent}: {missing}")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise UsageError(f"--output {text}: its folder may not be written to")
    # Whether the file system takes this name is known only when it is asked.
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    path.unlink()
    return path


def _opened(path: Path) -> TextIO:
    # Not created: what was there a moment ago and is no regular file is written to, or nothing is.
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_NOCTTY), "w", encoding="utf-8", errors=_ESCAPED, newline="")


def _is_same(found: os.stat_result, there: str | TextIO) -> bool:
    """Tell whether the file that was ``found`` is the one of that name, or the one that is open."""
    try:
        return os.path.samestat(found, os.stat(there if isinstance(there, str) else there.fileno()))  # noqa: PTH116
    except (OSError, ValueError):
        return False


def _refuse_sources(path: Path, text: str) -> None:
    """Raise `UsageError` where the file is a module that the model was made of."""
    try:
        found = path.stat()
    except OSError:
        return
    files = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
    if any(_is_same(found, name) for name in files if isinstance(name, str)):
        raise UsageError(f"--output {text}: the model was made of this file")


def _write_file(path: Path, content: bytes) -> None:
    """Write ``content`` to a regular file: in one step where nothing is lost by that, else over what it holds."""
    try:
        before: os.stat_result | None = path.stat()
    except FileNotFoundError:
        before = None
    if before is not None and (before.st_nlink > 1 or not os.access(path.parent, os.W_OK)):
        _write_over(path, content)
        return
    # A short name of its own: the longest that the target may have leaves no room for a suffix.
    handle, name = tempfile.mkstemp(prefix=".convinspect-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if before is None:
            os.umask(mask := os.umask(0))
            Path(name).chmod(0o666 & ~mask)
        elif not _takes_after(name, path, before):
            _write_over(path, content)
            return
        Path(name).replace(path)
    finally:
        with suppress(OSError):
            Path(name).unlink()


def _takes_after(name: str, path: Path, before: os.stat_result) -> bool:
    """Give the new file the owner, mode and attributes of the old one; tell whether that could be done."""
    try:
        shutil.copystat(path, name)
        os.utime(name)
        if hasattr(os, "chown"):
            os.chown(name, before.st_uid, before.st_gid)
            Path(name).chmod(stat.S_IMODE(before.st_mode))  # a change of owner takes some bits away
    except OSError:
        return False
    return True


def _write_over(path: Path, content: bytes) -> None:
    """Write into the file that is there, which keeps its links; what it held is put back where that fails."""
    kept = path.read_bytes()
    try:
        path.write_bytes(content)
    except OSError:
        with suppress(OSError):
            path.write_bytes(kept)
        raise
