"""One model's process, watched from its birth to the end of all that it started."""

from __future__ import annotations

import ctypes
import os
import pickle
import select
import signal
import socket
import struct
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from convinspect.gather.assignment import Assignment
from convinspect.gather.child import run
from convinspect.gather.evidence import Disk
from convinspect.gather.recording import Recorder

BEGUN = b"+"
_LOOK = 0.01  # seconds between two looks at the process
_PATIENCE = 2.0  # seconds for what was killed to be gone
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36


def supervise(job: socket.socket, recorder: Recorder, disk: Disk) -> NoReturn:
    """Fork the process of the assignment that comes over ``job``, answer `BEGUN` and its exit code there, and end.

    When the other end closes, or sends anything more, the process is killed. Whichever way it ends, what it has
    started ends with it.
    """
    assignment = _received(job)
    _adopt_orphans()
    _say(job, BEGUN)  # before the model can end this process
    child = os.fork()
    if child == 0:
        os.setsid()
        _die_with_the_parent()
        _be_the_first_to_die()
        job.close()
        run(assignment, recorder, disk)
    status = _watched(child, job)
    _kill_orphans()
    _say(job, f"{os.waitstatus_to_exitcode(status)}".encode())
    os._exit(0)


def send(job: socket.socket, assignment: Assignment) -> None:
    """Write ``assignment`` for the supervisor at the other end."""
    letter = pickle.dumps(assignment)
    job.sendall(struct.pack("!Q", len(letter)) + letter)


def _say(job: socket.socket, word: bytes) -> None:
    with suppress(OSError):  # whoever asked has gone
        job.sendall(word)


def _received(job: socket.socket) -> Assignment:
    with job.makefile("rb") as file:
        (length,) = struct.unpack("!Q", file.read(8))
        assignment: Assignment = pickle.loads(file.read(length))  # noqa: S301 - from our own process, before the model's code
    return assignment


def _watched(child: int, job: socket.socket) -> int:
    ended, status = 0, 0
    while not ended and not select.select([job], [], [], _LOOK)[0]:
        ended, status = os.waitpid(child, os.WNOHANG)
    for kill in (os.kill, os.killpg) if not ended else (os.killpg,):
        with suppress(ProcessLookupError, PermissionError):
            kill(child, signal.SIGKILL)
    return status if ended else os.waitpid(child, 0)[1]


def _adopt_orphans() -> None:
    """Become the parent of all that is left behind: what has made itself a session of its own is found so."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)


def _die_with_the_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _be_the_first_to_die() -> None:
    """Where memory runs out, the kernel shall take the model, not the tool or the user's shell."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500", "ascii")


def _kill_orphans() -> None:
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        try:
            ended, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not ended:
            for orphan in _children():
                with suppress(ProcessLookupError):
                    os.kill(orphan, signal.SIGKILL)
            time.sleep(_LOOK)


def _children() -> list[int]:
    try:
        return [int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text("ascii").split()]
    except OSError:
        return []
