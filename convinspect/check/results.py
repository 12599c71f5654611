"""What checks came to: verdicts, or the problems that stopped them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from convinspect.check.limits import Check
from convinspect.check.verdicts import BREACH, Status, Verdict, worst
from convinspect.errors import Complaint
from convinspect.report import Report
from convinspect.units import counted


@dataclass(frozen=True, slots=True)
class Baseline:
    """What growth is held against: a report, or why there is none.

    ``name`` is a file or ``git:REF``; ``made`` says when. ``absent``: the model is new there, which is no error.
    ``written``: it has just been made from this very report. ``notes`` say what differs without harm.
    """

    name: str
    report: Report | None = None
    made: str = ""
    problem: Complaint | None = None
    absent: str | None = None
    written: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """One check that was run: its verdicts, or the ``problem`` that stopped it. ``cached``: no model ran for it."""

    check: Check
    report: Report | None = None
    verdicts: tuple[Verdict, ...] = ()
    problem: Complaint | None = None
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


@dataclass(frozen=True, slots=True)
class Session:
    """All that one run of the command has to say; ``config`` is the file that the checks stand in.

    ``root`` is the folder that annotations name files from. ``problem`` stopped everything.
    """

    version: str
    root: Path
    config: Path | None = None
    results: tuple[Result, ...] = ()
    problem: Complaint | None = None

    @property
    def exit_code(self) -> int:
        """The worst of all checks; see `worst`."""
        return worst([self.problem.exit_code if self.problem else 0, *(one.exit_code for one in self.results)])

    def tally(self) -> str:
        """Return how many limits passed, and what became of the others."""
        found = Counter(one.status for result in self.results for one in result.verdicts)
        stopped = [result for result in self.results if result.problem is not None]
        failed = sum(not result.verdicts for result in stopped)
        errors = len(stopped) - failed
        words = [
            f"{found['PASS']} passed",
            *([f"{found['FAIL']} failed"] if found["FAIL"] else []),
            *([f"{found['ERROR']} not decided"] if found["ERROR"] else []),
            *([f"{found['SKIP']} skipped"] if found["SKIP"] else []),
            *([counted(errors, "error")] if errors else []),
            *([f"{counted(failed, 'check')} not run"] if failed else []),
        ]
        return ", ".join(words)
