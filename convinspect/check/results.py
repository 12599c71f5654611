"""What a check came to: verdicts, or the problem that stopped it."""

from __future__ import annotations

from dataclasses import dataclass

from convinspect.check.plan import Check
from convinspect.check.verdicts import BREACH, Problem, Status, Verdict, worst
from convinspect.report import Report


@dataclass(frozen=True, slots=True)
class Baseline:
    """What growth is held against: a report, or why there is none.

    ``name`` is a file or ``git:REF``; ``made`` says when and by what. ``absent``: the model is new there, which is
    no error. ``written``: it has just been made from this very report.
    """

    name: str
    report: Report | None = None
    made: str = ""
    problem: Problem | None = None
    absent: str | None = None
    written: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """One check that was run: its verdicts, or the ``problem`` that stopped it."""

    check: Check
    report: Report | None = None
    verdicts: tuple[Verdict, ...] = ()
    problem: Problem | None = None
    baselines: tuple[Baseline, ...] = ()
    notes: tuple[str, ...] = ()
    cached: bool = False

    @property
    def exit_code(self) -> int:
        """The worst of it; see `worst`."""
        return worst([self.problem.exit_code if self.problem else 0, *(one.exit_code for one in self.verdicts)])

    @property
    def status(self) -> Status:
        """``ERROR`` where something could not be checked, else ``FAIL`` where a limit is broken."""
        if self.exit_code > BREACH:
            return "ERROR"
        return "FAIL" if self.exit_code else "PASS"
