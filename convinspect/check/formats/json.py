"""For programs: the session as one JSON document."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from convinspect.check.results import Baseline, Result, Session
from convinspect.json_text import json_text

SCHEMA = "convinspect.check/1"


def write(session: Session) -> str:
    """Return the document as indented JSON."""
    document = {
        "schema": SCHEMA,
        "version": session.version,
        "config": str(session.config) if session.config else None,
        "exit_code": session.exit_code,
        "error": asdict(session.problem) if session.problem else None,
        "checks": [_check(result) for result in session.results],
    }
    return json_text(document, indent=2)


def _check(result: Result) -> dict[str, Any]:
    report = result.report
    return {
        "name": result.check.name,
        "target": result.check.request.target.text,
        "status": result.status,
        "exit_code": result.exit_code,
        "error": asdict(result.problem) if result.problem else None,
        "message": result.check.message,
        "model": asdict(report.model) if report else None,
        "run": asdict(report.run) if report else None,
        "cached": result.cached,
        "limits": [asdict(verdict) for verdict in result.verdicts],
        "baselines": [_baseline(baseline) for baseline in result.baselines],
        "notes": list(result.notes),
    }


def _baseline(baseline: Baseline) -> dict[str, Any]:
    report = baseline.report
    return {
        "name": baseline.name,
        "made": baseline.made or None,
        "tool": asdict(report.tool) if report else None,
        "model": asdict(report.model) if report else None,
        "run": asdict(report.run) if report else None,
        "error": asdict(baseline.problem) if baseline.problem else None,
        "absent": baseline.absent,
        "written": baseline.written,
        "notes": list(baseline.notes),
    }
