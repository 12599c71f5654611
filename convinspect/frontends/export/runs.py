"""The runs of modules in a graph: which nodes each had, what it was given and what it returned."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import fx

from convinspect.frontends.export.forgotten import Stack
from convinspect.frontends.export.stacks import Stacks

# In the name of a result that a program in a file does not have, and that torch makes up as it reads the file.
_UNUSED = "_unused_"


@dataclass(eq=False, slots=True)
class Run:
    """One run of a module: the nodes whose values it was given, and those that it returned."""

    path: str
    key: str
    given: list[fx.Node] = field(default_factory=list)
    returned: list[fx.Node] = field(default_factory=list)
    nodes: list[fx.Node] = field(default_factory=list)


def runs_of(graph: fx.Graph, stacks: Stacks, outside: tuple[Run, ...]) -> dict[fx.Node, tuple[Run, ...]]:
    """Return the runs that each node is in, outermost first, without the model itself.

    All are in the runs ``outside`` of the graph. No module is given parameters or buffers. What a run returns are its
    values that others read. One that nobody reads counts as well if it comes after those: the states of an LSTM, say,
    and not a leftover of the computation.
    """
    running = outside
    found: dict[fx.Node, tuple[Run, ...]] = {}
    for node in graph.nodes:
        if node not in stacks.of:
            continue
        running = _running(running, stacks.of[node])
        found[node] = running
        for run in running[len(outside) :]:
            run.nodes.append(node)
    for run in dict.fromkeys(run for runs in found.values() for run in runs[len(outside) :]):
        _connect(run, stacks)
    return found


def _running(before: tuple[Run, ...], stack: Stack | None) -> tuple[Run, ...]:
    if stack is None:  # a node of a pass that keeps no stack: where it stands
        return before
    inner = [entry for entry in stack if entry[1]]
    kept = 0
    while kept < min(len(before), len(inner)) and before[kept].key == inner[kept][0]:
        kept += 1
    return (*before[:kept], *(Run(path, key) for key, path in inner[kept:]))


def _connect(run: Run, stacks: Stacks) -> None:
    inside = set(run.nodes)
    given = (source for node in run.nodes for source in node.all_input_nodes)
    outer = (s for s in given if s not in inside and s.op != "get_attr" and s not in stacks.weights)
    run.given = list(dict.fromkeys(outer))
    for node in run.nodes:
        read_outside = any(user not in inside for user in node.users)
        if read_outside or (not node.users and run.returned and _UNUSED not in node.name):
            run.returned.append(node)
