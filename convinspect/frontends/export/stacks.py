"""The modules that the nodes of a program ran in: those that a node remembers, or whose weights it reads.

After decompositions what ran without gradients or under autocast remembers only where that began, and what an operator
takes as a function (a branch, the body of a loop) remembers nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from torch import fx

from convinspect.frontends.export.forgotten import Owned, Stack, below, places_of
from convinspect.frontends.export.regions import REGIONS
from convinspect.frontends.export.tree import stack_of, weights_of
from convinspect.tensors.identity import same_piece
from convinspect.torch_private import pytree

# What takes functions and hands them its last arguments.
_TAKE_FUNCTIONS = {"cond", "while_loop", "map_impl", "scan", *REGIONS}


@dataclass(frozen=True, slots=True)
class Stacks:
    """The stack of every node of a program and of its parts; ``None`` of a node that stands where it stands.

    ``weights`` are the nodes that are parameters and buffers; ``told`` are the owners of those by which nodes were
    placed.
    """

    of: dict[fx.Node, Stack | None] = field(default_factory=dict)
    weights: dict[fx.Node, Owned] = field(default_factory=dict)
    told: set[str] = field(default_factory=set)

    @classmethod
    def in_program(cls, program: Any, graph: fx.Graph) -> Stacks:
        """Return those of ``program``, whose flat graph is ``graph``."""
        stacks, owned = cls(), _owned(program)
        given = {node: owned[node.name] for node in graph.nodes if node.op == "placeholder" and node.name in owned}
        stacks._add(program.graph_module, graph, given, None)
        return stacks

    def _add(self, module: Any, graph: fx.Graph, given: Mapping[fx.Node, Owned], base: Stack | None) -> None:
        """Add the nodes of ``graph``, the weights ``given`` to it among them; ``base`` is where a part runs."""
        self.weights.update(given)
        calls = (node for node in graph.nodes if node.op not in ("placeholder", "get_attr", "output"))
        for (stack, forgot), together in groupby(calls, key=lambda node: _remembered(node, base)):
            nodes = list(together)
            places = self._found(nodes, stack) if forgot and stack else [stack] * len(nodes)
            self.of.update(zip(nodes, places, strict=True))
        for node in graph.nodes:
            for part in parts_of(module, node):
                self._add(part, part.graph, self._handed(node, part.graph), self.of[node] or base)

    def _handed(self, node: fx.Node, part: fx.Graph) -> dict[fx.Node, Owned]:
        """Return the weights that ``node`` hands to the graph of a function that it takes."""
        inner = [one for one in part.nodes if one.op == "placeholder"]
        outer = pytree.tree_leaves(node.args)
        pairs = zip(reversed(inner), reversed(outer), strict=False)
        return {one: self.weights[source] for one, source in pairs if source in self.weights}

    def _found(self, nodes: list[fx.Node], base: Stack) -> Iterator[Stack]:
        """Yield where ``nodes``, one after the other, ran, somewhere in ``base``."""
        # What one operator was decomposed into has its line.
        groups = [list(group) for _, group in groupby(nodes, key=lambda node: node.meta.get("stack_trace") or node)]
        places = places_of([self._read(group) for group in groups])
        for group, place in zip(groups, places, strict=True):
            yield from [below(base, place)] * len(group)

    def _read(self, nodes: Iterable[fx.Node]) -> set[Owned]:
        readers = (node for node in nodes if getattr(node.target, "__name__", "") not in _TAKE_FUNCTIONS)
        read = {self.weights[source] for node in readers for source in node.all_input_nodes if source in self.weights}
        self.told.update(owner for weight in read for owner in weight.owners)
        return read


def parts_of(module: Any, node: fx.Node) -> Iterator[fx.GraphModule]:
    """Yield the graphs of the functions that ``node``, of a graph of ``module``, takes."""
    if node.op == "call_function" and getattr(node.target, "__name__", "") in _TAKE_FUNCTIONS:
        for source in node.args:
            if isinstance(source, fx.Node) and source.op == "get_attr":
                part = module.get_submodule(source.target)
                if isinstance(part, fx.GraphModule):
                    yield part


def _remembered(node: fx.Node, base: Stack | None) -> tuple[Stack | None, bool]:
    """Return the stack that ``node`` remembers, and whether it may have run deeper in it."""
    entries = stack_of(node)
    if entries is None:
        return base, base is not None
    _, _, how = node.meta.get("torch_fn", ("", ""))[1].rpartition(".")
    return tuple((key, path) for key, path, _ in entries), how in REGIONS


def _owned(program: Any) -> dict[str, Owned]:
    """Return the weights of ``program`` by the names of the placeholders that they are."""
    pieces = {name: same_piece(tensor) for name, tensor, _ in weights_of(program)}
    owners: dict[Any, set[str]] = defaultdict(set)
    for name, piece in pieces.items():
        owners[piece].add(name.rpartition(".")[0])
    specs = (spec for spec in program.graph_signature.input_specs if spec.target in pieces)
    return {spec.arg.name: Owned(spec.target, frozenset(owners[pieces[spec.target]])) for spec in specs}
