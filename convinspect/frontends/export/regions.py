"""Parts of a program that stand in graphs of their own, put back in their place.

Export keeps what runs under ``torch.no_grad`` or autocast as a sub-graph, called by an operator that switches. Its
nodes remember their modules as all others do.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx


def enter_region(switch: Callable[..., AbstractContextManager[Any]], *args: Any) -> AbstractContextManager[Any]:
    """Begin a region, and return what ends it."""
    context = switch(*args)
    context.__enter__()
    return context


def leave_region(context: AbstractContextManager[Any]) -> None:
    """End the region that began with ``context``."""
    context.__exit__(None, None, None)


def _autocast(device: str, dtype: Any, enabled: Any, cache: Any) -> AbstractContextManager[Any]:
    return torch.autocast(device, dtype=dtype, enabled=True if enabled is None else enabled, cache_enabled=cache)


# What each operator switches, and how many arguments say how; the sub-graph and what it is given follow.
REGIONS: dict[str, tuple[Callable[..., Any], int]] = {
    "wrap_with_set_grad_enabled": (torch.set_grad_enabled, 1),
    "wrap_with_autocast": (_autocast, 4),
}


def flattened(module: Any) -> fx.Graph:
    """Return the graph of the graph ``module`` with the nodes of its regions among its own."""
    if not any(_is_region(node) for node in module.graph.nodes):
        graph: fx.Graph = module.graph
        return graph
    flat = _Flat(fx.Graph())
    flat.output(flat.copy(module, "", None))
    return flat.graph


def _is_region(node: Any) -> bool:
    return node.op == "call_function" and getattr(node.target, "__name__", "") in REGIONS


@dataclass(frozen=True, slots=True)
class _Flat:
    """A graph while it is put together."""

    graph: fx.Graph

    def copy(self, module: Any, prefix: str, given: Iterator[Any] | None) -> Any:
        """Copy the nodes of the graph ``module`` at ``prefix``, and return what it returns.

        Its placeholders are what is ``given``; those of the program stay.
        """
        new: dict[Any, Any] = {}
        for node in module.graph.nodes:
            if node.op == "output":
                return fx.map_arg(node.args[0], new.__getitem__)
            if node.op == "placeholder" and given is not None:
                new[node] = next(given)
            elif _is_region(node):
                new[node] = self._region(module, prefix, node, new)
            elif node.target is operator.getitem and _is_region(node.args[0]):
                new[node] = new[node.args[0]][node.args[1]]
            else:
                new[node] = self.graph.node_copy(node, new.__getitem__)
                if node.op == "get_attr":
                    new[node].target = prefix + node.target
        return None

    def output(self, value: Any) -> None:
        """End the graph."""
        self.graph.output(value)

    def _region(self, module: Any, prefix: str, node: Any, new: dict[Any, Any]) -> Any:
        switch, count = REGIONS[node.target.__name__]
        how, part, given = node.args[:count], node.args[count], node.args[count + 1 :]
        begin: Any = (switch, *how)
        context = self.graph.call_function(enter_region, begin)
        values = iter(new[arg] if isinstance(arg, fx.Node) else arg for arg in given)
        returned = self.copy(getattr(module, part.target), f"{prefix}{part.target}.", values)
        self.graph.call_function(leave_region, (context,))
        return returned
