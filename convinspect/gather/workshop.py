"""Where what must be run is run: a folder of temporary files, processes in it, and the letters that they leave."""

from __future__ import annotations

import os
import secrets
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass, replace
from types import FrameType
from typing import Any, NoReturn

from convinspect.errors import Complaint, InspectError, UsageError
from convinspect.gather import plain, running
from convinspect.gather.assignment import Assignment, Ending, complaint_about, unseal
from convinspect.gather.job import Job, Outcome, Prepared, as_asked, needs_fresh_process
from convinspect.gather.revision import Checkouts
from convinspect.gather.store import Store, is_saved_report, read_saved_report
from convinspect.report import Report

# A fork of a process with torch in it: safe where no thread was started, which is known of Linux.
_CAN_SHARE = sys.platform == "linux"
_ENDS = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]


@dataclass(frozen=True, slots=True)
class Workbench:
    """A folder for temporary files and the processes that stay warm in it, for one gathering after another.

    A model's process is forked from one that has torch, and ``libraries`` names what that one brings in for the next.
    """

    scratch: str
    servers: running.Servers
    libraries: str | None = None


@contextmanager
def workbench(*, workers: int = 1, libraries: bool = True) -> Iterator[Workbench]:
    """Run the block with a workbench; with ``libraries`` each model finds imported what the one before imported."""
    with _ending_in_order(), _scratch() as folder:
        scratch = os.path.realpath(folder)
        names = f"{scratch}/libraries" if libraries else None
        with closing(running.Servers(scratch, workers, names)) as servers:
            yield Workbench(scratch, servers, names)


def work(
    to_run: Sequence[Prepared],
    store: Store,
    *,
    workers: int,
    timeout: float | None,
    bench: Workbench | None = None,
    stop: Callable[[], bool] | None = None,
) -> Generator[tuple[int, Outcome], None, None]:
    """Yield the place of each of ``to_run`` and its outcome, as they become known; keep what may be kept in ``store``.

    When the iterator is closed, all that still runs is killed, and no temporary file is left but those of ``bench``.
    """
    with workbench(workers=workers, libraries=False) if bench is None else nullcontext(bench) as used:
        checkouts, assigned = Checkouts(used.scratch), []
        for one in to_run:
            try:
                asked = _asked(one, used, checkouts)
            except InspectError as error:
                yield one.index, Outcome(None, Complaint.of(error), cached=False)
                continue
            if isinstance(asked, Report):
                yield one.index, Outcome(as_asked(asked, one.job), None, cached=False)
            else:
                assigned.append((one, asked))
        with closing(_endings([asked for _, asked in assigned], used, workers, timeout, stop)) as endings:
            for index, ending in endings:
                one, asked = assigned[index]
                letter = None if ending.timed_out else _read(asked)
                if letter is None:
                    outcome = Outcome(None, _at(one.job, complaint_about(ending, one.job, timeout)), cached=False)
                else:
                    outcome = _outcome(one, letter, checkouts, store)
                yield one.index, outcome


def _asked(one: Prepared, bench: Workbench, checkouts: Checkouts) -> Assignment | Report:
    """Return what to tell the process; or, where the target of a revision is a saved report, that."""
    answer = f"{bench.scratch}/{one.index}.answer"
    request, folder, moved = one.job.request, one.folder, None
    if one.tree is not None:
        request, folder, moved = checkouts.place(one, one.tree)
        if is_saved_report(request, folder):
            return read_saved_report(request, folder)
    with open(answer, "wb"):  # whatever mask the model sets, the file is ours to read
        pass
    return Assignment(request, folder, answer, secrets.token_hex(), moved, bench.libraries)


def _endings(
    assigned: Sequence[Assignment],
    bench: Workbench,
    workers: int,
    timeout: float | None,
    stop: Callable[[], bool] | None,
) -> Generator[tuple[int, Ending], None, None]:
    if not hasattr(os, "fork"):
        return plain.run(assigned, workers=workers, timeout=timeout)
    sharing = [(one, _CAN_SHARE and not needs_fresh_process(one.request.device)) for one in assigned]
    return running.run(sharing, bench.servers, workers=workers, timeout=timeout, stop=stop)


def _read(assignment: Assignment) -> dict[str, Any] | None:
    try:
        with open(assignment.answer, "rb") as file:
            return unseal(file.read(), assignment.secret)
    except OSError:
        return None


def _outcome(one: Prepared, letter: dict[str, Any], checkouts: Checkouts, store: Store) -> Outcome:
    notes = (*letter["notes"], *(checkouts.left_out(one.tree) if one.tree is not None else ()))
    if letter["error"] is not None:
        return Outcome(None, _at(one.job, _complaint(*letter["error"])), cached=False, notes=notes, read=letter["read"])
    report = Report.from_dict(letter["report"])
    if report.stopped is not None:
        failed = _at(one.job, Complaint(report.stopped, None, 3))
        return Outcome(as_asked(report, one.job), failed, cached=False, notes=notes, read=letter["read"])
    if one.key is not None and letter["evidence"] is not None:
        store.keep(one.key, letter["evidence"], letter["report"], notes)
    return Outcome(as_asked(report, one.job), None, cached=False, notes=notes, read=letter["read"])


def _complaint(message: str, hint: str | None, exit_code: int, lines: Sequence[str] = ()) -> Complaint:
    return Complaint(message, hint, exit_code, tuple(lines))


def _at(job: Job, complaint: Complaint) -> Complaint:
    """Return the complaint with the revision said, where there is one."""
    said = "" if job.revision is None else f"{job.revision}: "
    return replace(complaint, message=f"{said}{complaint.message}")


def _scratch() -> tempfile.TemporaryDirectory[str]:
    try:
        return tempfile.TemporaryDirectory(prefix="convinspect-", ignore_cleanup_errors=True)
    except OSError as error:
        raise UsageError(f"no folder for temporary files: {error.strerror}") from None


@contextmanager
def _ending_in_order() -> Iterator[None]:
    """Let the signals that end a process end this one as an exception does, so that all is put away."""

    def end(number: int, _: FrameType | None) -> NoReturn:
        raise SystemExit(128 + number)

    ours = []
    if threading.current_thread() is threading.main_thread():
        ours = [number for number in _ENDS if signal.getsignal(number) is signal.SIG_DFL]
    for number in ours:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)
