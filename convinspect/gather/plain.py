"""Assignments to endings where processes cannot be forked: each imports torch for itself."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed

from convinspect.gather.assignment import Assignment, Ending, interpreter, stderr
from convinspect.gather.child import run as answer
from convinspect.gather.evidence import Disk
from convinspect.gather.recording import Recorder

_START = "import sys; _, job, *sys.path = sys.argv; from convinspect.gather import plain; plain.answer_in(job)"


def run(
    assignments: Sequence[Assignment], *, workers: int, timeout: float | None
) -> Generator[tuple[int, Ending], None, None]:
    """Yield the index of each assignment and how its process ended; what still runs is killed on closing."""
    running: set[subprocess.Popen[bytes]] = set()
    pool = ThreadPoolExecutor(max(1, workers))
    try:
        futures = {pool.submit(_ran, one, timeout, running): index for index, one in enumerate(assignments)}
        for future in as_completed(futures):
            yield futures[future], future.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for process in list(running):
            process.kill()
        pool.shutdown()


def answer_in(path: str) -> None:
    """Answer the assignment that is written in the file at ``path``, and end this process."""
    with open(path, "rb") as file:
        assignment = pickle.load(file)  # noqa: S301 - from our own process, before the model's code
    recorder = Recorder()
    recorder.start()
    answer(assignment, recorder, Disk())


def _ran(assignment: Assignment, timeout: float | None, running: set[subprocess.Popen[bytes]]) -> Ending:
    letter = f"{assignment.answer}.asked"
    with open(letter, "wb") as file:
        pickle.dump(assignment, file)
    command = [*interpreter(), "-c", _START, letter, *map(os.path.abspath, sys.path)]
    process = subprocess.Popen(  # noqa: S603
        command, cwd=os.path.dirname(letter), stdin=subprocess.DEVNULL, stdout=stderr(), stderr=stderr()
    )
    running.add(process)
    try:
        return Ending(process.wait(timeout))
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return Ending(None, timed_out=True)
    finally:
        running.discard(process)
