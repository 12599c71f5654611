"""What rows and whole reports cost, before and after."""

from __future__ import annotations

from collections.abc import Iterable

from convinspect.diff.amounts import NO_CHANGE, NOTHING, UNKNOWN, Amount, Change
from convinspect.diff.difference import Costs
from convinspect.diff.nodes import Node
from convinspect.report import WEIGHTS, Report

MEASURES = (*WEIGHTS, "macs", "allocated_bytes", "saved_bytes")


def own_costs(before: Node | None, after: Node | None, ran: tuple[bool, bool]) -> Costs:
    """Return what the row itself costs on either side; ``ran`` is whether there was a forward on each."""
    ours, theirs = _of_row(before, ran=ran[0]), _of_row(after, ran=ran[1])
    return {name: Change(ours[name], theirs[name]) for name in MEASURES}


def added(costs: Costs, others: Costs) -> Costs:
    """Return both together."""
    return {name: costs[name] + others[name] for name in MEASURES}


def total(each: Iterable[Costs]) -> Costs:
    """Return all together. Nothing but unknown costs are unknown: 0 among them would make them a bound."""
    found: Costs | None = None
    for costs in each:
        found = costs if found is None else added(found, costs)
    return found if found is not None else dict.fromkeys(MEASURES, NO_CHANGE)


def total_costs(before: Report, after: Report) -> Costs:
    """Return the totals of two reports."""
    ours, theirs = _of_report(before), _of_report(after)
    return {name: Change(ours[name], theirs[name]) for name in ours}


def _of_row(node: Node | None, *, ran: bool) -> dict[str, Amount]:
    if node is None:
        return dict.fromkeys(MEASURES, NOTHING)
    layer = node.layer
    idle = ran and not layer.call
    return {
        **{name: Amount(getattr(layer, name)) for name in WEIGHTS},
        "macs": _macs(node),
        "allocated_bytes": NOTHING if idle else Amount(layer.memory.allocated_bytes),
        "saved_bytes": NOTHING if idle else Amount(layer.memory.saved_bytes),
    }


def _macs(node: Node) -> Amount:
    """A report says of a row and all below it whether its MACs are a bound: it is the row's where nothing below is."""
    layer = node.layer
    if layer.macs is None:
        return UNKNOWN
    exact = layer.macs_status == "exact" or any(child.layer.macs_status != "exact" for child in node.children)
    return Amount(layer.macs, at_least=not exact)


def _of_report(report: Report) -> dict[str, Amount]:
    totals, memory = report.totals, report.totals.memory
    unknown = totals.macs is None or totals.macs_status == "unknown"
    return {
        **{name: Amount(getattr(totals, name)) for name in WEIGHTS},
        "macs": UNKNOWN if unknown else Amount(totals.macs, at_least=totals.macs_status == "lower_bound"),
        "weight_bytes": Amount(totals.weight_bytes),
        "inference_peak_bytes": Amount(memory.inference_peak_bytes),
        "training_peak_bytes": Amount(memory.training.peak_bytes if memory.training is not None else None),
    }
