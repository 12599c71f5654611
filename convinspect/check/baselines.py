"""Baselines: when one was made, and whether a report can be held against it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from convinspect.check.metrics import Condition
from convinspect.git import ask
from convinspect.report import Report
from convinspect.units import shape


def made(file: Path) -> str:
    """Return when ``file`` was last committed, and in which commit; or when it was written, if that is later.

    A file that git does not know, or that was changed since, has its own time.
    """
    committed = ask(file.parent, "log", "-1", "--format=%cI %h", "--", file.name)
    if committed and ask(file.parent, "status", "--porcelain", "--", file.name) == "":
        return _committed(committed)
    written = f"written {_minute(datetime.fromtimestamp(file.stat().st_mtime, tz=timezone.utc))}"
    return f"{written}, changed since it was committed" if committed else written


def made_at(folder: Path, revision: str) -> str:
    """Return when the commit ``revision`` of the repository around ``folder`` was made, and which it is."""
    commit = commit_of(folder, revision)
    said = ask(folder, "show", "--no-patch", "--format=%cI %h", commit) if commit else None
    return _committed(said) if said else "of an unknown commit"


def commit_of(folder: Path, revision: str) -> str | None:
    """Return the full name of the commit ``revision``, ``None`` where there is no such commit."""
    said = ask(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    return said.strip() if said else None


def is_in(file: Path, commit: str) -> bool:
    """Return whether ``commit`` of the repository around ``file`` holds that file."""
    return ask(file.parent, "cat-file", "-e", f"{commit}:./{file.name}") is not None


def _committed(said: str) -> str:
    when, _, short = said.strip().partition(" ")
    return f"committed {_minute(datetime.fromisoformat(when.replace('Z', '+00:00')))} ({short})"


def _minute(when: datetime) -> str:
    return when.astimezone(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")


# Without values to compute, a forward on meta allocates what it allocates on the cpu.
_ALIKE = frozenset({"cpu", "meta"})


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that differs; numbers that depend on ``condition`` cannot be compared (``None``: all can)."""

    condition: Condition | None
    text: str


def differences(report: Report, baseline: Report) -> tuple[Difference, ...]:
    """Return what differs between the runs of ``report`` and ``baseline``."""
    return tuple(_differences(report, baseline))


def _differences(report: Report, baseline: Report) -> Iterator[Difference]:
    here, there = ([f"{shape(given.shape)} {given.dtype}" for given in one.inputs] for one in (report, baseline))
    if here != there and report.inputs and baseline.inputs:
        yield Difference("inputs", f"inputs {', '.join(here)}, in the baseline {', '.join(there)}")
    if report.run.dtype != baseline.run.dtype:
        yield Difference("dtype", f"dtype {report.run.dtype}, in the baseline {baseline.run.dtype}")
    if report.model.mode != baseline.model.mode:
        yield Difference("mode", f"mode {report.model.mode}, in the baseline {baseline.model.mode}")
    if report.run.device != baseline.run.device:
        alike = {report.run.device, baseline.run.device} <= _ALIKE
        text = f"device {report.run.device}, in the baseline {baseline.run.device}"
        yield Difference(None if alike else "device", text)
    if _step(report) and _step(baseline) and _step(report) != _step(baseline):
        yield Difference("optimizer", f"optimizer {_step(report)}, in the baseline {_step(baseline)}")
    if report.model.name != baseline.model.name:
        yield Difference(None, f"model {report.model.name}, in the baseline {baseline.model.name}")
    for what in ("version", "torch"):
        ours, theirs = getattr(report.tool, what), getattr(baseline.tool, what)
        if ours != theirs:
            program = "convinspect" if what == "version" else "torch"
            yield Difference(None, f"{program} {ours}, in the baseline {theirs}")


def _step(report: Report) -> str:
    training = report.totals.memory.training
    return "" if training is None else training.optimizer + (f" with amp {training.amp}" if training.amp else "")
