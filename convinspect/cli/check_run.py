"""Checks to results: reports gathered, baselines found and written, limits held against them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from convinspect.check.baselines import commit_of, differences, is_in, made, made_at
from convinspect.check.judging import judge
from convinspect.check.limits import Check
from convinspect.check.results import BREACH, Baseline, Result, Verdict
from convinspect.check.source_line import source_file
from convinspect.cli.asking import failure_of
from convinspect.cli.output import open_output
from convinspect.cli.waiting import progress
from convinspect.errors import Complaint, UsageError
from convinspect.gather import Job, Outcome, gather
from convinspect.paths import is_file, is_there
from convinspect.report import Report
from convinspect.spec import Request, Target

_REVISION = "git:"
_BUG = 70


@dataclass(frozen=True, slots=True)
class Running:
    """How models are run: so many at a time, each for so many seconds, and whether an earlier report is taken."""

    workers: int = 1
    timeout: float | None = None
    cache: bool = True


def run(checks: Sequence[Check], running: Running, *, update: bool = False) -> tuple[Result, ...]:
    """Return the result of every check, whatever becomes of the others.

    With ``update`` the reports are written to the files that the checks have as their baselines.
    """
    if update:
        _refuse_to_update(checks)
    # What is wrong with each baseline, or nothing where it can be run or read.
    missing = [
        {name: _missing(check, name) for name in (check.baseline, check.cumulative_baseline) if name is not None}
        for check in checks
    ]
    asked = [_jobs(*pair) for pair in zip(checks, missing, strict=True)]
    jobs = [job for each in asked for job in each.values()]
    with progress(len(jobs)) as told:
        done = gather(jobs, workers=running.workers, timeout=running.timeout, cache=running.cache, progress=told)
    outcomes = iter(done)
    found = [{name: next(outcomes) for name in each} for each in asked]
    return tuple(_result(*one, update=update) for one in zip(checks, missing, found, strict=True))


def _refuse_to_update(checks: Sequence[Check]) -> None:
    names = [check.baseline for check in checks if check.baseline]
    if not names:
        raise UsageError("--update-baseline: no baseline is named", "name the file with --baseline FILE")
    for name in names:
        if name.startswith(_REVISION):
            raise UsageError(f"--update-baseline: {name} is a commit, not a file", "name the file with --baseline FILE")


def _jobs(check: Check, missing: Mapping[str, Baseline | None]) -> dict[str, Job]:
    """Return what must run or be read for ``check``, its baselines by their names; what it checks has none."""
    jobs = {"": Job(check.request, check.folder, None, check.environment)}
    for name in (name for name, wrong in missing.items() if wrong is None):
        at = name.removeprefix(_REVISION)
        saved = Job(Request(Target(name, name, None)), check.folder)
        jobs[name] = saved if at == name else Job(check.request, check.folder, at, check.environment)
    return jobs


def _missing(check: Check, name: str) -> Baseline | None:
    if name.startswith(_REVISION):
        revision = name.removeprefix(_REVISION)
        if _is_new(check, revision):
            source = check.request.target.source
            return Baseline(name, absent=f"{source} is not in {revision}: there is nothing to grow from")
        return None
    try:
        _refuse_other_files(check.folder / name)
    except UsageError as error:
        return Baseline(name, problem=Complaint.of(error))
    return None


def _refuse_other_files(path: Path) -> None:
    """Raise `UsageError` for what is no saved report: the file of a baseline is read, and never run."""
    from convinspect.load import kind_of  # noqa: PLC0415

    if not is_there(path):
        raise UsageError("no such file", "--update-baseline writes it")
    if kind_of(str(path)) != "report":
        raise UsageError("not a saved report", "save one with --update-baseline, or summary --json --output FILE")


def _is_new(check: Check, revision: str) -> bool:
    """Return whether the file of the target stands in the work tree alone, and not in the revision."""
    source = check.folder / check.request.target.source
    file = source if is_file(source) else source_file(check)
    commit = commit_of(check.folder, revision) if file is not None else None
    return file is not None and commit is not None and not is_in(file, commit)


def _result(
    check: Check, missing: Mapping[str, Baseline | None], outcomes: Mapping[str, Outcome], *, update: bool
) -> Result:
    outcome = outcomes[""]
    report, problem = outcome.report, _problem(outcome, check.request)
    baselines = {name: wrong or _baseline(check, name, outcomes[name]) for name, wrong in missing.items()}
    notes = [*outcome.notes, *(one.message for one in (report.warnings if report else ()) if one.is_told)]
    if report is None or problem is not None:
        return Result(check, report, problem=problem, notes=tuple(notes))
    if update and check.baseline:
        try:
            baselines[check.baseline] = _updated(check, check.baseline, report, baselines[check.baseline])
        except UsageError as error:
            problem = Complaint.of(error)
    told = {name: _with_differences(one, report) for name, one in baselines.items()}
    verdicts = judge(check, report, told.get(check.baseline or ""), told.get(check.cumulative_baseline or ""))
    problem = problem or _unread(told.values(), verdicts)
    return Result(check, report, verdicts, problem, tuple(told.values()), tuple(notes), outcome.cached)


def _unread(baselines: Iterable[Baseline], verdicts: Iterable[Verdict]) -> Complaint | None:
    """Return the problem of a baseline that no limit needed and that was asked for all the same."""
    if any(verdict.exit_code > BREACH for verdict in verdicts):
        return None
    found = ((one.name, one.problem) for one in baselines if one.problem is not None)
    return next((replace(problem, message=f"baseline {name}: {problem.message}") for name, problem in found), None)


def _problem(outcome: Outcome, request: Request) -> Complaint | None:
    """Return why there is no whole report; a forward that stopped half-way is a reason too."""
    failure = failure_of(outcome.report, request) if outcome.report is not None else None
    if failure is not None:
        return Complaint.of(failure)
    if outcome.error is not None:
        return outcome.error
    return Complaint("there is neither a report nor a reason", None, _BUG) if outcome.report is None else None


def _baseline(check: Check, name: str, outcome: Outcome) -> Baseline:
    problem = _problem(outcome, check.request)
    if problem is not None:
        return Baseline(name, problem=problem)
    is_commit = name.startswith(_REVISION)
    when = made_at(check.folder, name.removeprefix(_REVISION)) if is_commit else made(check.folder / name)
    return Baseline(name, outcome.report, when, notes=outcome.notes)


def _updated(check: Check, name: str, report: Report, before: Baseline) -> Baseline:
    """Return ``report`` as the baseline, written to its file where that says something else."""
    path = check.folder / name
    if before.report == report:
        return before
    if is_there(path):
        try:
            _refuse_other_files(path)
        except UsageError as error:
            raise UsageError(f"--update-baseline {name}: {error.message}: it is not written over") from None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        open_output(str(path), [str(check.folder / check.request.target.source)]).write(report.to_json())
    except UsageError as error:
        raise UsageError(error.message.replace("--output", "--update-baseline", 1), error.hint) from error
    except OSError as error:
        raise UsageError(f"--update-baseline {name}: {error.strerror}") from error
    return Baseline(name, report, made(path), written=True)


def _with_differences(baseline: Baseline, report: Report) -> Baseline:
    if baseline.report is None:
        return baseline
    return replace(baseline, notes=(*baseline.notes, *(one.text for one in differences(report, baseline.report))))


def workspace() -> Path:
    """Return the folder that annotations name files from: the repository's."""
    said = os.environ.get("GITHUB_WORKSPACE")
    if said:
        return Path(said)
    here = Path.cwd()
    return next((folder for folder in (here, *here.parents) if (folder / ".git").exists()), here)
