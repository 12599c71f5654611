"""Targets that are saved reports: they are read here and now, without a process and without torch."""

from __future__ import annotations

import json
import os
from dataclasses import replace

from convinspect.report import Report
from convinspect.spec import Request


def is_saved_report(request: Request, folder: str) -> bool:
    """Tell whether the request's target, as named from ``folder``, is JSON that says which schema it follows."""
    try:
        with open(os.path.join(folder, request.target.source), "rb") as file:
            if not file.read(64).lstrip().startswith(b"{"):
                return False
            file.seek(0)
            document = json.load(file)
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(document, dict) and "schema" in document


def read_saved_report(request: Request, folder: str) -> Report:
    """Return the report in the target's file; raises `UsageError` for a damaged one, and for a request of a run."""
    from convinspect.pipeline import summarise  # noqa: PLC0415

    source = os.path.join(folder, request.target.source)
    return summarise(replace(request, target=replace(request.target, source=source)))
