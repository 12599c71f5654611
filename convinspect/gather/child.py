"""One job in its own process."""

from __future__ import annotations

import json
import pickle
import sys
from pathlib import Path

from convinspect.errors import InspectError


def main() -> None:
    """Run the job on stdin, and write what became of it to the file that is named first."""
    from convinspect.pipeline import summarise  # noqa: PLC0415

    job = pickle.load(sys.stdin.buffer)  # noqa: S301
    report, error = None, None
    try:
        report = summarise(job.request)
        for note in report.warnings:
            if note.code == "forward_failed":
                error = (note.message, None, 3)
    except InspectError as failed:
        error = (failed.message, failed.hint, failed.exit_code)
    Path(sys.argv[1]).write_text(json.dumps({"report": report and report.to_dict(), "error": error}))


main()
