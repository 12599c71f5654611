"""A job that must be run, with what is known of it by then; and a report in the words of its job."""

from __future__ import annotations

from dataclasses import dataclass, replace

from convinspect.gather.job import Job
from convinspect.gather.revision import Tree
from convinspect.report import Report


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
