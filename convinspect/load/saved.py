"""A saved report, read back: the JSON that ``--json`` wrote."""

from __future__ import annotations

from pathlib import Path

from convinspect.errors import UsageError
from convinspect.load.sniff import read_json
from convinspect.report import Report
from convinspect.spec import Request


def load_report(request: Request) -> Report:
    """Return the report in the request's file; raises `UsageError` where it is none, or is asked to run."""
    try:
        _refuse_a_run(request)
        return Report.from_dict(read_json(Path(request.target.source)))
    except UsageError as error:
        raise error.within(request.target.text) from None


def _refuse_a_run(request: Request) -> None:
    asked: dict[str, object] = {
        "--input": request.inputs,
        "--arg": request.arguments,
        "--dtype": request.dtype,
        "--train": request.train,
        "--unit": request.unit,
        "--field-of": request.field_of,
    }
    given = [option for option, value in asked.items() if value]
    if given:
        raise UsageError(f"a saved report is not run again: {given[0]} changes nothing", "name the model to run it")
