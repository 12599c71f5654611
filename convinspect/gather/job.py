"""What is asked of `gather`, and what comes back: values without any process in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from convinspect.errors import Complaint
from convinspect.gather.revision import Tree
from convinspect.report import Report
from convinspect.spec import Request


@dataclass(frozen=True, slots=True)
class Job:
    """One report that is wanted: ``request``, as asked in ``folder``.

    With ``revision`` the files are those of that git revision instead of the work tree's. ``environment`` names the
    variables that the report depends on, beside those that the model's own Python code reads.
    """

    request: Request
    folder: Path
    revision: str | None = None
    environment: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one job. A forward that stopped half-way gives both: the rows up to there, and the error.

    ``cached``: nothing ran, the report is the one of an earlier run of the same content. ``notes`` say what a
    reader must know of how it was made. ``read`` are the user's own files that a run looked at, also in vain, each with
    its `signature` then.
    """

    report: Report | None
    error: Complaint | None
    cached: bool
    notes: tuple[str, ...] = ()
    read: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A job, its place among all, its absolute folder, and its tree and key where it has them."""

    index: int
    job: Job
    folder: str
    tree: Tree | None
    key: str | None


def as_asked(report: Report, job: Job) -> Report:
    """Return ``report`` with the job's target as its user wrote it, and the revision said."""
    said = "" if job.revision is None else f" at {job.revision}"
    return replace(report, model=replace(report.model, target=f"{job.request.target.text}{said}"))
