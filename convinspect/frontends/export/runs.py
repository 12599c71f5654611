"""Which run of which module every node of an exported graph belongs to, and what enters and leaves the runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from convinspect.frontends.export.tree import stack_of


@dataclass(eq=False, slots=True)
class Run:
    """One run of a module: the nodes whose values it was given, and those that it returned."""

    path: str
    type: str
    key: str
    given: list[Any] = field(default_factory=list)
    returned: list[Any] = field(default_factory=list)
    nodes: list[Any] = field(default_factory=list)


def runs_of(graph: Any, weights: set[str]) -> dict[Any, tuple[Run, ...]]:
    """Return the runs that each node is in, outermost first, without the model itself.

    ``weights`` names the placeholders of parameters and buffers: no module is given them. What a run returns are
    its values that others read. One that nobody reads counts as well if it comes after those: the states of an
    LSTM, say, and not a leftover of the computation.
    """
    running: tuple[Run, ...] = ()
    found: dict[Any, tuple[Run, ...]] = {}
    for node in graph.nodes:
        if node.op in ("placeholder", "get_attr", "output"):
            continue
        running = _running(running, stack_of(node))
        found[node] = running
        for run in running:
            run.nodes.append(node)
    for run in dict.fromkeys(run for runs in found.values() for run in runs):
        _connect(run, weights)
    return found


def _running(before: tuple[Run, ...], stack: list[tuple[str, str, str]] | None) -> tuple[Run, ...]:
    if stack is None:  # a node of a pass that keeps no stack: where it stands
        return before
    inner = [entry for entry in stack if entry[1]]
    kept = 0
    while kept < min(len(before), len(inner)) and before[kept].key == inner[kept][0]:
        kept += 1
    return (*before[:kept], *(Run(path, kind.rpartition(".")[2], key) for key, path, kind in inner[kept:]))


def _connect(run: Run, weights: set[str]) -> None:
    inside = set(run.nodes)
    given = (source for node in run.nodes for source in node.all_input_nodes)
    outer = (s for s in given if s not in inside and s.op != "get_attr" and s.name not in weights)
    run.given = list(dict.fromkeys(outer))
    for node in run.nodes:
        read_outside = any(user not in inside for user in node.users)
        if read_outside or (not node.users and run.returned):
            run.returned.append(node)
