"""What checks come to: one verdict a limit, the result of a check, or the problem that stopped it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from convinspect.check.limits import Check
from convinspect.errors import Complaint
from convinspect.report import Report
from convinspect.units import counted

Status: TypeAlias = Literal["PASS", "FAIL", "SKIP", "ERROR"]
BREACH, UNUSABLE = 1, 2


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the report that has a part in a verdict: what it is called, and its amount in words."""

    name: str
    amount: str


@dataclass(frozen=True, slots=True)
class Numbers:
    """The numbers of a verdict: the value between ``low`` and ``high``, its limit, and where it comes from.

    An infinite ``high`` is ``None``; so is ``low`` of a field that is larger than any input.
    """

    unit: str
    low: int | None
    high: int | None
    limit: int | None
    baseline: int | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """One limit held against a report, in words and in ``numbers``.

    ``name`` is the limit, ``key`` the option or key that sets it. ``reason`` says why it is no plain PASS or FAIL.
    ``heaviest`` are the rows that weigh most, ``changed`` those that differ most from the baseline.
    """

    name: str
    key: str
    status: Status
    value: str = ""
    limit: str = ""
    margin: str = ""
    reason: str | None = None
    hint: str | None = None
    numbers: Numbers | None = None
    heaviest: tuple[Row, ...] = ()
    changed: tuple[Row, ...] = ()
    exit_code: int = 0


def worst(codes: Iterable[int]) -> int:
    """Return the exit code of several: the largest.

    A bug of ours (70) comes before a model that failed (3), that before what cannot be used (2), and a breach (1)
    last: where something could not be checked, nobody knows whether there are more.
    """
    return max(codes, default=0)


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
