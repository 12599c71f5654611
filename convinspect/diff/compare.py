"""Two reports to their difference."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from convinspect.diff.costs import added, own_costs, total_costs
from convinspect.diff.difference import Costs, Diff, Facet, Row, Status, changed_itself, facets
from convinspect.diff.matching import Matching, match
from convinspect.diff.nodes import Node, Numbering
from convinspect.report import Layer, Report


def compare(before: Report, after: Report, labels: tuple[str, str] | None = None) -> Diff:
    """Return what became of every row of ``before``, and what ``after`` has besides; both forwards were completed.

    ``labels`` are what the two are called, by default their targets.
    Against a file of weights only weights are compared, and rows without any are left out.
    """
    ran = (before.model.format != "weights", after.model.format != "weights")
    numbering = Numbering()
    ours = numbering.tree(_comparable(before, whole=all(ran) or not ran[0]))
    theirs = numbering.tree(_comparable(after, whole=all(ran) or not ran[1]))
    matching = match(ours, theirs)
    entries = list(_merged(ours, theirs, matching))
    for entry in entries:
        _fill(entry, matching, ran)
    _mark_causes(entries, before, after)
    _add_up(entries)
    labels = labels or (before.model.target, after.model.target)
    return Diff(before, after, tuple(map(_row, entries)), total_costs(before, after), labels)


def _comparable(report: Report, *, whole: bool) -> Sequence[Layer]:
    if whole:
        return report.layers
    return [layer for layer in report.layers if layer.params_total or layer.buffers or layer.shared_with is not None]


@dataclass(slots=True)
class _Entry:
    before: Node | None
    after: Node | None
    depth: int
    status: Status = "unchanged"
    facets: tuple[Facet, ...] = ()
    own: Costs = field(default_factory=dict)
    total: Costs = field(default_factory=dict)
    itself: bool = False
    below: int = 0


def _merged(before: Sequence[Node], after: Sequence[Node], matching: Matching) -> Iterator[_Entry]:
    """Yield the rows of both, parents first: as they run now, and what is gone after what it followed."""

    def siblings(parent: Node | None, gone: Sequence[Node], now: Sequence[Node], depth: int) -> list[_Entry]:
        anchor: int | None = None
        behind: dict[int | None, list[_Entry]] = {}
        for node in gone:
            if node.index not in matching.after:
                behind.setdefault(anchor, []).append(_Entry(node, None, depth))
            elif after[matching.after[node.index]].parent is parent:
                anchor = matching.after[node.index]
        found = behind.get(None, [])
        for node in now:
            twin = matching.before.get(node.index)
            found.append(_Entry(before[twin] if twin is not None else None, node, depth))
            found.extend(behind.get(node.index, ()))
        return found

    ours, theirs = ([node for node in nodes if node.parent is None] for nodes in (before, after))
    waiting = siblings(None, ours, theirs, 0)[::-1]
    while waiting:
        place = waiting.pop()
        yield place
        gone = place.before.children if place.before is not None else ()
        now = place.after.children if place.after is not None else ()
        waiting.extend(reversed(siblings(place.after, gone, now, place.depth + 1)))


def _fill(entry: _Entry, matching: Matching, ran: tuple[bool, bool]) -> None:
    before, after = entry.before, entry.after
    entry.own = entry.total = own_costs(before, after, ran)
    if before is None or after is None:
        entry.status = "added" if before is None else "removed"
        return
    entry.facets = facets(before.layer, after.layer, ran=all(ran) or not any(ran))
    home = matching.after.get(before.parent.index) if before.parent is not None else None
    stays = home == (after.parent.index if after.parent is not None else None)
    if stays and before.name != after.name:
        entry.status = "renamed"
    elif not stays or before.index in matching.elsewhere:
        entry.status = "moved"


def _mark_causes(entries: Sequence[_Entry], before: Report, after: Report) -> None:
    """Mark the rows that were changed themselves: by what they are, or as the first, in order, where none says why."""
    explained = _runs(before) != _runs(after)
    same_dtype = before.run.dtype == after.run.dtype
    open_: list[_Entry] = []

    def close(depth: int) -> None:
        nonlocal explained
        while open_ and open_[-1].depth >= depth:
            entry = open_.pop()
            if entry.before is None or entry.after is None:
                explained = True
            # What a row saves depends on its neighbours: by itself it is nobody's doing.
            elif entry.facets not in ((), ("saved",)):
                own = changed_itself(entry.before.layer, entry.after.layer, entry.facets, same_dtype=same_dtype)
                entry.itself = own or not (explained or entry.status == "moved")
                explained = True
            elif entry.status == "moved":
                explained = True

    for entry in entries:
        close(entry.depth)
        open_.append(entry)
    close(0)


def _runs(report: Report) -> object:
    """Return what may change every row of a run without any change of the model."""
    inputs = [(tensor.shape, tensor.dtype) for tensor in report.inputs]
    return inputs, report.run.device, report.run.dtype, report.model.mode, report.model.format, report.tool.torch


def _add_up(entries: Sequence[_Entry]) -> None:
    """Add every row to those that hold it; what differs beneath a row is said of it."""
    parents: list[_Entry | None] = []
    open_: list[_Entry] = []
    for entry in entries:
        del open_[entry.depth :]
        parents.append(open_[-1] if open_ else None)
        open_.append(entry)
    for entry, parent in zip(reversed(entries), reversed(parents), strict=True):
        if entry.status == "unchanged" and entry.facets:
            entry.status = "changed"
        if parent is None:
            continue
        parent.below += 1 + entry.below
        parent.total = added(parent.total, entry.total)
        if entry.status != "unchanged" and "below" not in parent.facets and parent.status not in ("added", "removed"):
            parent.facets = (*parent.facets, "below")


def _row(entry: _Entry) -> Row:
    before, after = entry.before, entry.after
    return Row(
        before=before.layer if before is not None else None,
        after=after.layer if after is not None else None,
        names=(before.name if before is not None else "", after.name if after is not None else ""),
        depth=entry.depth,
        below=entry.below,
        status=entry.status,
        facets=entry.facets,
        itself=entry.itself,
        own=entry.own,
        total=entry.total,
    )
