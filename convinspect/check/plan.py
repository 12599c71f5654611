"""What is to be checked: a target, how it runs, and the limits it is held to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from convinspect.check.limits import Limit
from convinspect.check.rules import Rule
from convinspect.spec import Request


@dataclass(frozen=True, slots=True)
class Check:
    """One check. ``folder`` is where its target runs and what its paths are relative to.

    ``baseline`` and ``cumulative_baseline`` are a saved report or ``git:REF``. ``config`` is the file that it
    stands in and ``table`` its place there (``None``: it was asked for by options). ``accept_bounds``: a bound counts
    as the value, and an unknown number is passed over. ``environment`` names variables that the model depends on.
    """

    name: str
    request: Request
    folder: Path
    limits: tuple[Limit, ...] = ()
    rules: tuple[Rule, ...] = ()
    baseline: str | None = None
    cumulative_baseline: str | None = None
    accept_bounds: bool = False
    message: str | None = None
    environment: tuple[str, ...] = ()
    config: Path | None = None
    table: str | None = None
