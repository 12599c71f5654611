"""Saved reports, and checks of them, without any torch."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from convinspect.check.judging import judge
from convinspect.check.limits import Check, Limit, bound, growth, rule
from convinspect.check.results import Baseline, Verdict
from convinspect.records import Note
from convinspect.report import Report
from convinspect.spec import Request, Target

REPORTS = Path(__file__).parent / "reports"


def saved(name: str) -> Report:
    """Return the saved report ``name``."""
    return Report.from_dict(json.loads((REPORTS / f"{name}.json").read_bytes()))


def check_of(*limits: Limit, accept_bounds: bool = False, **rules: Any) -> Check:
    found = [rule(name.replace("_", "-"), value, name) for name, value in rules.items()]  # type: ignore[arg-type]
    return Check(
        "net",
        Request(Target("net.py", "net.py", None)),
        Path(),
        limits,
        tuple(one for one in found if one is not None),
        accept_bounds=accept_bounds,
    )


def verdict(
    report: Report, name: str, amount: object, part: str | None = None, *, accept_bounds: bool = False
) -> Verdict:
    """Return the verdict on one limit."""
    (one,) = judge(check_of(bound(name, amount, f"--{name}", part), accept_bounds=accept_bounds), report)
    return one


def grown(
    report: Report, baseline: Report | Baseline | None, name: str, amount: object, part: str | None = None, **more: Any
) -> Verdict:
    """Return the verdict on one limit of growth."""
    against = Baseline("old.json", baseline, "today") if isinstance(baseline, Report) else baseline
    (one,) = judge(check_of(growth("growth", name, amount, "key", part), **more), report, against)
    return one


def ruled(report: Report, **rules: Any) -> Verdict:
    """Return the verdict on one rule."""
    (one,) = judge(check_of(**rules), report)
    return one


def with_params(report: Report, params: int) -> Report:
    """Return ``report`` as though its first row owned as many more parameters as make ``params``."""
    first, *others = report.layers
    more = params - report.totals.params
    first = replace(first, params=first.params + more, trainable_params=first.trainable_params + more)
    return replace(report, layers=(first, *others), totals=replace(report.totals, params=params))


def noting(report: Report, code: str, message: str, path: str | None = None) -> Report:
    """Return ``report`` with one more warning."""
    return replace(report, warnings=(*report.warnings, Note(code, message, path)))
