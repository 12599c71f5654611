"""Walking through a TorchScript graph, and putting nodes into it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def nodes_in(block: Any) -> Iterator[Any]:
    """Yield the nodes of a graph or block and those of the blocks inside them."""
    for node in block.nodes():
        yield node
        for inner in node.blocks():
            yield from nodes_in(inner)


def put_before(graph: Any, place: Any, kind: str, inputs: list[Any], result: Any) -> Any:
    """Put a node of ``kind`` before the node ``place``, and return its value, of type ``result``."""
    made = graph.create(kind, inputs, 1)
    made.output().setType(result)
    made.insertBefore(place)
    return made.output()


def constant_before(graph: Any, place: Any, constant: float) -> Any:
    """Put a constant before the node ``place``, and return its value."""
    value = graph.insertConstant(constant)
    value.node().moveBefore(place)
    return value
