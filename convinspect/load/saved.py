"""A saved report, read back: the JSON that ``--json`` wrote."""

from __future__ import annotations

from pathlib import Path

from convinspect.errors import UsageError
from convinspect.load.kinds import check_options, read_json
from convinspect.report import Report
from convinspect.spec import Request


def load_report(request: Request) -> Report:
    """Return the report in the request's file; raises `UsageError` where it is none, or is asked to run."""
    try:
        check_options(request, "report")
        return Report.from_dict(read_json(Path(request.target.source)))
    except UsageError as error:
        raise error.within(request.target.text) from None
