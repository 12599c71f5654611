"""What was compared, what it came to, and the answer: in one line, or in as few words as say what a change did."""

from __future__ import annotations

from convinspect.diff import amounts
from convinspect.diff.amounts import Change
from convinspect.diff.difference import Diff, counts_of
from convinspect.render.text import ASCII, UNICODE, Glyphs, clean
from convinspect.report import Report
from convinspect.units import counted, shape

NO_DIFFERENCE = "no difference: every row, every shape and every total is as it was"


def sides(diff: Diff, glyphs: Glyphs) -> list[tuple[str, str]]:
    """Return what was compared, as names and texts: both targets, and how they ran, once where they ran alike."""
    before, after = diff.before, diff.after
    texts = [_run(report, glyphs) for report in (before, after)]
    if before.tool.torch != after.tool.torch:
        tools = (clean(report.tool.torch, glyphs) for report in (before, after))
        texts = [f"{text} {_dot(glyphs)} torch {tool}" for text, tool in zip(texts, tools, strict=True)]
    found = [
        (name, clean(f"{label}  {report.model.name}", glyphs))
        for name, label, report in zip(("before", "after"), diff.labels, (before, after), strict=True)
    ]
    if texts[0] == texts[1]:
        return [*found, ("both", texts[0])]
    return [found[0], ("", texts[0]), found[1], ("", texts[1])]


def _run(report: Report, glyphs: Glyphs) -> str:
    given = (f"{one.name} {shape(one.shape)} {one.dtype}" for one in report.inputs)
    parts = [report.model.format, report.model.mode, report.run.device, report.run.dtype, *given]
    return clean(f" {_dot(glyphs)} ".join(parts), glyphs)


def _dot(glyphs: Glyphs) -> str:
    return "-" if glyphs.ascii_only else glyphs.dot


def totals(diff: Diff) -> list[tuple[str, str, Change]]:
    """Return heading, measure and change of each total that people come for."""
    steps = [report.totals.memory.training for report in (diff.before, diff.after)]
    optimizers = " / ".join(dict.fromkeys(step.optimizer for step in steps if step is not None))
    headings = {
        "params": "Parameters",
        "trainable_params": "Trainable",
        "macs": "MACs",
        "weight_bytes": "Weights",
        "inference_peak_bytes": "Peak, inference",
        "training_peak_bytes": f"Peak, training ({optimizers})" if optimizers else "Peak, training",
    }
    if diff.totals["trainable_params"].value == diff.totals["params"].value:
        del headings["trainable_params"]
    return [(heading, name, diff.totals[name]) for name, heading in headings.items()]


def summary(diff: Diff, glyphs: Glyphs) -> str:
    """Return in one line what happened: ``8 added (56 rows), 1 changed; 73 rows follow from that, 12 unchanged``."""
    counts = counts_of(diff)
    follow = f"{counted(counts['follow'], 'row')} follow{'s' if counts['follow'] == 1 else ''} from that"
    after = [follow] * bool(counts["follow"]) + [f"{counted(counts['unchanged'], 'row')} unchanged"] * bool(
        counts["unchanged"]
    )
    return f" {_dot(glyphs)} ".join([changes(diff), *([", ".join(after)] if after else [])])


def changes(diff: Diff) -> str:
    """Return what was done to the rows: ``8 added (56 rows), 1 changed``."""
    counts, said = counts_of(diff), []
    for what in ("added", "removed", "changed", "renamed", "moved"):
        number, inside = counts[what], counts.get(f"{what}_rows", counts[what])
        if number:
            said.append(f"{number:,} {what}" + (f" ({counted(inside, 'row')})" if inside != number else ""))
    return ", ".join(said) or "no row changed itself"


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
    for _, name, value in totals(diff):
        # The bytes of more weights are no news of their own.
        if value.differs and (name != "weight_bytes" or not diff.totals["params"].differs):
            change, share = amounts.change(name, value, glyphs), amounts.percent(value, glyphs)
            found.append(f"{_TITLES[name]} {change}" + (f" ({share})" if share not in ("", change) else ""))
    return [*found, changes(diff)]
