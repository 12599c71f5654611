"""A diff in as few words as say what a change did: by how much each total differs, and how many rows were changed."""

from __future__ import annotations

from convinspect.diff import heading, numbers
from convinspect.diff.difference import Diff
from convinspect.render.text import ASCII, UNICODE

_TITLES = {
    "params": "params",
    "trainable_params": "trainable params",
    "macs": "MACs",
    "weight_bytes": "weights",
    "inference_peak_bytes": "peak",
    "training_peak_bytes": "training peak",
}


def brief(diff: Diff, *, ascii_only: bool = False) -> list[str]:
    """Return ``MACs +67.20K (+14.0%)`` and its like for the totals that differ, then what became of the rows."""
    glyphs = ASCII if ascii_only else UNICODE
    if not diff.differs:
        return ["no difference"]
    found = []
    for _, name, value in heading.totals(diff):
        # The bytes of more weights are no news of their own.
        if value.differs and (name != "weight_bytes" or not diff.totals["params"].differs):
            change, share = numbers.change(name, value, glyphs), numbers.percent(value, glyphs)
            found.append(f"{_TITLES[name]} {change}" + (f" ({share})" if share not in ("", change) else ""))
    return [*found, heading.changes(diff)]
