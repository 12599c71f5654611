"""Assignments to endings: so many processes at a time, each for so long at most."""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace

from convinspect.gather import server
from convinspect.gather.assignment import Assignment, Ending, interpreter, stderr
from convinspect.gather.supervisor import BEGUN as _BEGUN
from convinspect.gather.supervisor import send

_LOOK = 0.25  # seconds between two questions whether to stop
_PATIENCE = 5.0  # seconds for what was stopped to be gone


def run(
    assignments: Sequence[tuple[Assignment, bool]],
    servers: Servers,
    *,
    workers: int,
    timeout: float | None,
    stop: Callable[[], bool] | None = None,
) -> Generator[tuple[int, Ending], None, None]:
    """Yield the index of each assignment and how its process ended, as they end.

    An assignment comes with whether it may share one import of torch with others. When the iterator is closed, all
    that still runs is killed.
    """
    with closing(_Jobs(servers.forked)) as jobs:
        waiting = list(enumerate(assignments))[::-1]
        while waiting or jobs.running:
            while waiting and len(jobs.running) < max(1, workers):
                index, (assignment, shared) = waiting.pop()
                jobs.running[servers.start(assignment, shared=shared)] = _Running(index, shared)
            yield from jobs.next(timeout, stop)


@dataclass(frozen=True, slots=True)
class _Running:
    """One job: its server, whether its process has begun, until when it may run, whether it has been told to stop."""

    index: int
    shared: bool
    until: float | None = None
    begun: bool = False
    stopped: bool = False


class _Jobs:
    """The sockets of what runs: closing one ends all that runs at its other end.

    ``forked`` is told which servers have begun a job.
    """

    def __init__(self, forked: set[bool]) -> None:
        self.running: dict[socket.socket, _Running] = {}
        self._forked = forked

    def close(self) -> None:
        for job in self.running:
            job.close()

    def next(self, timeout: float | None, stop: Callable[[], bool] | None) -> Iterator[tuple[int, Ending]]:
        """Wait until something happens, or what runs is to ``stop``, and yield what has ended."""
        until = self._until_the_first()
        for job in select.select(list(self.running), [], [], until if stop is None else min(until or _LOOK, _LOOK))[0]:
            said, one = _said(job), self.running[job]
            if said == _BEGUN:
                until = None if timeout is None else time.monotonic() + timeout
                self.running[job] = replace(one, until=until, begun=True)
                self._forked.add(one.shared)
            else:
                yield self._end(job, int(said.removeprefix(_BEGUN)) if said.removeprefix(_BEGUN) else None)
        for job, one in list(self.running.items()):
            is_late = one.until is not None and time.monotonic() >= one.until
            if not is_late and (stop is None or one.stopped or not one.begun or not stop()):
                continue
            if one.stopped:  # it does not even die
                yield self._end(job, None)
            else:
                job.shutdown(socket.SHUT_WR)
                self.running[job] = replace(one, until=time.monotonic() + _PATIENCE, stopped=True)

    def _end(self, job: socket.socket, exit_code: int | None) -> tuple[int, Ending]:
        one = self.running.pop(job)
        job.close()
        return one.index, Ending(exit_code, one.stopped, one.begun or exit_code is not None)

    def _until_the_first(self) -> float | None:
        ends = [one.until for one in self.running.values() if one.until is not None]
        return max(0.0, min(ends) - time.monotonic()) if ends else None


def _said(job: socket.socket) -> bytes:
    try:
        return job.recv(64)
    except OSError:
        return b""


class Servers:
    """The process that has torch, and the one that has not: each is started when it is first needed.

    ``libraries`` is the file that names what the next model needs beside torch.
    """

    def __init__(self, scratch: str, workers: int, libraries: str | None = None) -> None:
        self._scratch = scratch
        self._libraries = libraries
        self._threads = max(1, (os.cpu_count() or 1) // max(1, workers))
        self._running: dict[bool, tuple[subprocess.Popen[bytes], socket.socket]] = {}
        self.forked: set[bool] = set()

    def close(self) -> None:
        """Let the servers end, and wait until they have; one that has forked nothing yet need not be waited for."""
        for _, control in self._running.values():
            control.close()
        for shared, (process, _) in self._running.items():
            if shared in self.forked:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(_PATIENCE)
            process.kill()
            process.wait()

    def start(self, assignment: Assignment, *, shared: bool) -> socket.socket:
        """Return the socket over which the exit code will come."""
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                socket.send_fds(self._control(shared=shared), [b"."], [theirs.fileno()])
            except OSError:  # the server was killed: by the kernel, where memory runs out
                process, control = self._running.pop(shared)
                control.close()
                process.kill()
                process.wait()
                socket.send_fds(self._control(shared=shared), [b"."], [theirs.fileno()])
        with suppress(OSError):  # then it says nothing, either
            send(ours, assignment)
        return ours

    def _control(self, *, shared: bool) -> socket.socket:
        if shared not in self._running:
            ours, theirs = socket.socketpair()
            config = {
                "control": theirs.fileno(),
                "threads": self._threads if shared else 0,
                "scratch": self._scratch,
                "libraries": self._libraries if shared else None,
            }
            with theirs:
                process = subprocess.Popen(  # noqa: S603
                    [*interpreter(), "-c", server.START, json.dumps(config), *map(os.path.abspath, sys.path)],
                    cwd=self._scratch,
                    stdin=subprocess.DEVNULL,
                    stdout=stderr(),
                    stderr=stderr(),
                    pass_fds=[theirs.fileno()],
                    start_new_session=True,
                )
            self._running[shared] = process, ours
        return self._running[shared][1]
