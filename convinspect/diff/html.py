"""A diff as the HTML page of the newer report, which can also show the older one, differences marked."""

from __future__ import annotations

from convinspect.diff.difference import Diff
from convinspect.render.html import page
from convinspect.render.options import Options
from convinspect.render.page_data import page_data


def write(diff: Diff, options: Options) -> str:
    """Return the page; its script pairs the rows by their places in the two reports."""
    ours, theirs = ({id(layer): i for i, layer in enumerate(report.layers)} for report in (diff.before, diff.after))
    pairs = [
        {
            "before": ours[id(row.before)] if row.before is not None else None,
            "after": theirs[id(row.after)] if row.after is not None else None,
            "status": row.status,
            "itself": row.itself,
            "facets": row.facets,
        }
        for row in diff.rows
    ]
    comparison = {"labels": diff.labels, "before": page_data(diff.before), "pairs": pairs}
    return page({**page_data(diff.after), "comparison": comparison}, ascii_only=options.ascii)
