"""What is asked of `gather`, all of it that is known before anything runs, and what comes back."""

from __future__ import annotations

import ast
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from convinspect.errors import Complaint
from convinspect.gather.evidence import digest_of_variable
from convinspect.report import Report
from convinspect.spec import Reference, Request


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
class Tree:
    """The files of ``revision``: ``id`` is the same wherever they are the same; ``work`` is the work tree's top."""

    work: str
    id: str
    revision: str = field(compare=False)


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


_FORMAT = 1  # of the entries, and of what is recorded in them
# Read by C libraries, or by Python before any recorder can listen.
_ENVIRONMENT = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "LANG", "LC_ALL", "LC_CTYPE", "PYTHONUTF8")
_ACCELERATORS = ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd", "C:\\Windows\\System32\\nvcuda.dll")


def key_of(job: Job, folder: str, tree: Tree | None) -> str | None:
    """Return the key as text, equal for jobs that only the files can tell apart; `None` for a job without one.

    No key has a run on an accelerator, whose memory is measured, a request with arguments that are no literals, and
    one whose inputs lie in files.
    """
    reads_files = any(spec.file is not None for spec in job.request.inputs)
    if needs_fresh_process(job.request.device) or reads_files or not _is_literal(job.request.arguments):
        return None
    return json.dumps(
        {
            "format": _FORMAT,
            "request": repr(job.request),
            "folder": folder if tree is None else os.path.relpath(os.path.realpath(folder), tree.work),
            "tree": None if tree is None else [tree.work, tree.id],
            "python": [sys.version, sys.platform, sys.prefix, sys.flags.optimize, list(sys.warnoptions)],
            "path": [os.path.abspath(entry) for entry in sys.path],
            "environment": {name: digest_of_variable(name) for name in sorted({*_ENVIRONMENT, *job.environment})},
        }
    )


def needs_fresh_process(device: str) -> bool:
    """Tell whether a run on ``device`` may bring an accelerator in, which no fork shares with its parent."""
    return device.partition(":")[0] not in ("cpu", "meta") and (
        device != "auto" or any(map(os.path.exists, _ACCELERATORS))
    )


def _is_literal(arguments: tuple[tuple[str, object], ...]) -> bool:
    """Tell whether the arguments' own text says all of them: two objects may print alike, but not two names of some."""
    plain = tuple((name, value.text if isinstance(value, Reference) else value) for name, value in arguments)
    try:
        return bool(ast.literal_eval(repr(plain)) == plain)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return False
