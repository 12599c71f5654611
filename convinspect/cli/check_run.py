"""Checks to results: reports gathered, baselines found and written, limits held against them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from convinspect.check.comparing import differences
from convinspect.check.judging import judge
from convinspect.check.plan import Check
from convinspect.check.provenance import commit_of, is_in, made, made_at
from convinspect.check.results import Baseline, Result
from convinspect.check.source_line import source_file
from convinspect.check.verdicts import Problem
from convinspect.cli.check_progress import progress
from convinspect.cli.output import open_output
from convinspect.errors import UsageError
from convinspect.gather import Job, gather
from convinspect.report import Report
from convinspect.spec import Request, Target

_REVISION = "git:"
_FAILED = 3


@dataclass(frozen=True, slots=True)
class Running:
    """How models are run: so many at a time, each for so many seconds, and whether an earlier report is taken."""

    workers: int = 1
    timeout: float | None = None
    cache: bool = True


@dataclass(frozen=True, slots=True)
class _Answer:
    """A report, or why there is none."""

    report: Report | None = None
    problem: Problem | None = None
    cached: bool = False
    notes: tuple[str, ...] = ()


def run(checks: Sequence[Check], running: Running, *, update: bool = False) -> tuple[Result, ...]:
    """Return the result of every check, whatever becomes of the others.

    With ``update`` the reports are written to the files that the checks have as their baselines.
    """
    if update and not any(check.baseline for check in checks):
        raise UsageError("--update-baseline: no baseline is named", "name the file with --baseline FILE")
    for check in checks if update else ():
        if check.baseline and check.baseline.startswith(_REVISION):
            raise UsageError(f"--update-baseline: {check.baseline} is a commit, not a file", "name a file to write")
    wanted = [job for check in checks for job in _jobs(check)]
    jobs = [job for i, job in enumerate(wanted) if job not in wanted[:i]]
    answers = _gathered(jobs, running)
    return tuple(_result(check, jobs, answers, update=update) for check in checks)


def _jobs(check: Check) -> Iterator[Job]:
    """Yield what must run for ``check``: its model, and its model at the revisions that are its baselines."""
    if not _is_report(check):
        yield _job(check)
    for name in (check.baseline, check.cumulative_baseline):
        if name and name.startswith(_REVISION) and not _is_new(check, name):
            yield _job(check, name.removeprefix(_REVISION))


def _job(check: Check, revision: str | None = None) -> Job:
    return Job(check.request, check.folder, revision, check.environment)


def _gathered(jobs: Sequence[Job], running: Running) -> list[_Answer]:
    if not jobs:
        return []
    with progress(len(jobs)) as told:
        outcomes = gather(jobs, workers=running.workers, timeout=running.timeout, cache=running.cache, progress=told)
    return [
        _Answer(
            one.report,
            Problem(one.error.message, one.error.hint, one.error.exit_code) if one.error else None,
            one.cached,
            one.notes,
        )
        for one in outcomes
    ]


def _result(check: Check, jobs: Sequence[Job], answers: Sequence[_Answer], *, update: bool) -> Result:
    answer = _saved(check) if _is_report(check) else answers[jobs.index(_job(check))]
    report = answer.report
    baselines = {
        name: _baseline(check, name, jobs, answers)
        for name in (check.baseline, check.cumulative_baseline)
        if name is not None
    }
    notes = [*answer.notes, *(note.message for note in report.warnings if note.code == "chosen")] if report else []
    if answer.problem is not None or report is None:
        problem = answer.problem or Problem("there is no report, and no reason for it", None, 70)
        return Result(check, report, (), problem, notes=tuple(notes))
    unwritten = None
    if update and check.baseline:
        try:
            baselines[check.baseline] = _updated(check, check.baseline, report, baselines[check.baseline])
        except UsageError as error:
            unwritten = Problem.of(error)
    told = {name: _with_differences(one, report) for name, one in baselines.items()}
    verdicts = judge(check, report, told.get(check.baseline or ""), told.get(check.cumulative_baseline or ""))
    return Result(check, report, verdicts, unwritten, tuple(told.values()), tuple(notes), answer.cached)


def _is_report(check: Check) -> bool:
    """Return whether the target is a saved report, which is read here; others are told what is wrong by their run."""
    from convinspect.load import kind_of  # noqa: PLC0415 - it reads files

    try:
        return kind_of(str(check.folder / check.request.target.source)) == "report"
    except UsageError:
        return False


def _saved(check: Check) -> _Answer:
    target = check.request.target
    return _read(replace(check.request, target=replace(target, source=str(check.folder / target.source))))


def _read(request: Request) -> _Answer:
    from convinspect.pipeline import summarise  # noqa: PLC0415

    try:
        report = summarise(request)
    except UsageError as error:
        return _Answer(problem=Problem.of(error))
    failed = next((note for note in report.warnings if note.code == "forward_failed"), None)
    return _Answer(report, Problem(failed.message, None, _FAILED) if failed else None)


def _baseline(check: Check, name: str, jobs: Sequence[Job], answers: Sequence[_Answer]) -> Baseline:
    if not name.startswith(_REVISION):
        return _from_file(check, name)
    revision = name.removeprefix(_REVISION)
    if _is_new(check, name):
        return Baseline(
            name, absent=f"{check.request.target.source} is not in {revision}: there is nothing to grow from"
        )
    answer = answers[jobs.index(_job(check, revision))]
    return Baseline(name, answer.report, made_at(check.folder, revision), answer.problem)


def _from_file(check: Check, name: str) -> Baseline:
    path = check.folder / name
    try:
        _refuse_other_files(path)
    except UsageError as error:
        return Baseline(name, problem=Problem.of(error))
    answer = _read(Request(Target(name, str(path), None)))
    return Baseline(name, None if answer.problem else answer.report, made(path), answer.problem)


def _refuse_other_files(path: Path) -> None:
    """Raise `UsageError` for what is no saved report: a baseline is never run."""
    from convinspect.load import kind_of  # noqa: PLC0415

    if not path.exists():
        raise UsageError("no such file", "--update-baseline writes it")
    if kind_of(str(path)) != "report":
        raise UsageError("not a saved report", "save one with --update-baseline, or summary --json --output FILE")


def _is_new(check: Check, name: str) -> bool:
    """Return whether the file of the target stands in the work tree alone, and not in the revision."""
    source = check.folder / check.request.target.source
    file = source if source.is_file() else source_file(check)
    commit = commit_of(check.folder, name.removeprefix(_REVISION)) if file is not None else None
    return file is not None and commit is not None and not is_in(file, commit)


def _updated(check: Check, name: str, report: Report, before: Baseline) -> Baseline:
    """Return ``report`` as the baseline, written to its file where that says something else."""
    path = check.folder / name
    if before.report == report:
        return before
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        open_output(str(path), [str(check.folder / check.request.target.source)]).write(None, report.to_json())
    except UsageError as error:
        raise UsageError(error.message.replace("--output", "--update-baseline", 1), error.hint) from error
    except OSError as error:
        raise UsageError(f"--update-baseline {name}: {error.strerror}") from error
    return Baseline(name, report, made(path), written=True)


def _with_differences(baseline: Baseline, report: Report) -> Baseline:
    if baseline.report is None:
        return baseline
    return replace(baseline, notes=tuple(one.text for one in differences(report, baseline.report)))


def workspace() -> Path:
    """Return the folder that annotations name files from: the repository's."""
    said = os.environ.get("GITHUB_WORKSPACE")
    if said:
        return Path(said)
    here = Path.cwd()
    return next((folder for folder in (here, *here.parents) if (folder / ".git").exists()), here)
