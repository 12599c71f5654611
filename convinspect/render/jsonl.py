"""A line of JSON for each row: the entries of the document's ``layers``, one by one."""

from __future__ import annotations

import json

from convinspect.render.json import reduced
from convinspect.render.options import Options
from convinspect.report import Report


def write(report: Report, options: Options) -> str:
    """Return one line a layer, in the report's order, as ``layers`` of the JSON document has it."""
    rows = reduced(report, options).to_dict()["layers"]
    return "\n".join(json.dumps(row, ensure_ascii=options.ascii) for row in rows)
