"""Many jobs to as many outcomes: one process each."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from convinspect.errors import UsageError
from convinspect.gather.job import Complaint, Job, Outcome
from convinspect.report import Report


def gather(
    jobs: Sequence[Job],
    *,
    workers: int = 1,  # noqa: ARG001
    timeout: float | None = None,
    cache: bool = True,  # noqa: ARG001
    progress: Callable[[int, Outcome], None] | None = None,
) -> tuple[Outcome, ...]:
    """Return the outcome of each job, in their order.

    ``workers`` models run at a time, each for ``timeout`` seconds at most. ``progress`` is called, in this thread,
    with the index of a job and its outcome as soon as it is known.
    """
    outcomes = []
    for index, job in enumerate(jobs):
        outcome = _run(job, timeout)
        outcomes.append(outcome)
        if progress is not None:
            progress(index, outcome)
    return tuple(outcomes)


def _run(job: Job, timeout: float | None) -> Outcome:
    if job.revision is not None:
        raise UsageError(f"{job.request.target.text} at {job.revision}: revisions are not read yet")
    text = job.request.target.text
    with tempfile.TemporaryDirectory(prefix="convinspect-") as scratch:
        result = Path(scratch) / "result"
        command = [sys.executable, "-m", "convinspect.gather.child", str(result)]
        try:
            done = subprocess.run(  # noqa: S603
                command, cwd=job.folder, input=pickle.dumps(job), stdout=sys.stderr.fileno(), timeout=timeout, check=False
            )
        except subprocess.TimeoutExpired:
            return Outcome(None, Complaint(f"{text}: no report after {timeout:g} s", None, 3), cached=False)
        if not result.is_file():
            message = f"{text}: the process ended with code {done.returncode} before there was a report"
            return Outcome(None, Complaint(message, None, 3), cached=False)
        document = json.loads(result.read_bytes())
    report = Report.from_dict(document["report"]) if document["report"] else None
    return Outcome(report, Complaint(*document["error"]) if document["error"] else None, cached=False)
