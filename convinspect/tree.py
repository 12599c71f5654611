"""The layers of a report as a tree, and what each adds up to with everything below it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from convinspect.report import WEIGHTS, Layer, LayerMemory, MacsStatus, TotalMemory, Totals


@dataclass(frozen=True, slots=True)
class Sums:
    """What layers add up to, in the words of `Layer`; ``ran``: one of them did.

    ``macs`` are those that are known, ``None`` where none is; ``macs_status`` says whether they are a bound. Bytes have
    no such mark: they are ``None`` where a layer that ran does not know its own, and where none ran.
    """

    params: int
    trainable_params: int
    buffers: int
    param_bytes: int
    buffer_bytes: int
    macs: int | None
    complex_macs: int
    macs_status: MacsStatus
    memory: LayerMemory
    ran: bool

    @property
    def weight_bytes(self) -> int:
        """The bytes of parameters and buffers."""
        return self.param_bytes + self.buffer_bytes


@dataclass(frozen=True, slots=True)
class Node:
    """A layer in its place, number ``index`` and ``level`` layers deep; ``sums`` include what is below it.

    ``end`` is the first place that is not below it.
    """

    layer: Layer
    index: int
    parent: Node | None
    level: int
    end: int
    sums: Sums

    @property
    def leaf(self) -> bool:
        """Whether there is no layer below it."""
        return self.end == self.index + 1


def tree_of(layers: Sequence[Layer]) -> list[Node]:
    """Return a node for each of ``layers``, in their order: parents come first; linear in their number."""
    nodes: list[Node] = []
    enclosing: list[Node] = []
    for index, (layer, (sums, size)) in enumerate(zip(layers, _subtrees(layers), strict=True)):
        while enclosing and enclosing[-1].end <= index:
            enclosing.pop()
        parent = enclosing[-1] if enclosing else None
        nodes.append(Node(layer, index, parent, len(enclosing), index + size, sums))
        enclosing.append(nodes[-1])
    return nodes


def below(nodes: Sequence[Node], index: int) -> Iterator[int]:
    """Yield the places of the layers right below number ``index``."""
    inner = index + 1
    while inner < nodes[index].end:
        yield inner
        inner = nodes[inner].end


def _subtrees(layers: Sequence[Layer]) -> list[tuple[Sums, int]]:
    """Return what each layer adds up to with those below it, and how many these are with it."""
    found: list[tuple[Sums, int]] = []
    # Layers that follow and have found no parent yet, the nearest last.
    orphans: list[tuple[int, Sums, int]] = []
    for layer in reversed(layers):
        parts: list[Layer | Sums] = [layer]
        size = 1
        while orphans and orphans[-1][0] > layer.depth:
            _, sums, inside = orphans.pop()
            parts.append(sums)
            size += inside
        found.append((add_up(parts), size))
        orphans.append((layer.depth, *found[-1]))
    return found[::-1]


def layer_name(layer: Layer, root: str = "the model") -> str:
    """Return what a sentence calls ``layer``: ``fc1 (Linear)``, ``max_pool2d() in features``."""
    if layer.kind == "function":
        return f"{layer.type}() in {layer.path}" if layer.path else f"{layer.type}()"
    return f"{layer.path or root} ({layer.type})"


def leaves(layers: Sequence[Layer]) -> list[Layer]:
    """Return the layers without layers below them, in order: where something is computed."""
    return [node.layer for node in tree_of(layers) if node.leaf]


def in_order_of_return(layers: Sequence[Layer]) -> Iterator[int]:
    """Yield the places of the modules that ran, each when it returns: after all that it calls."""
    running: list[int] = []
    for place, layer in enumerate(layers):
        if layer.kind == "module" and layer.call:
            while running and layers[running[-1]].depth >= layer.depth:
                yield running.pop()
            running.append(place)
    yield from reversed(running)


def totals_of(sums: Sums, memory: TotalMemory, bytes_by_dtype: Mapping[str, int]) -> Totals:
    """Return the totals of a report whose rows add up to ``sums``."""
    return Totals(
        **{name: getattr(sums, name) for name in WEIGHTS},
        non_trainable_params=sums.params - sums.trainable_params,
        weight_bytes=sums.weight_bytes,
        macs=sums.macs,
        flops=None if sums.macs is None else 2 * sums.macs + 6 * sums.complex_macs,
        macs_status=sums.macs_status,
        memory=memory,
        bytes_by_dtype=bytes_by_dtype,
    )


def all_known(values: Iterable[int | None]) -> int | None:
    """Return the sum of ``values``; one that is not known makes it not known."""
    total = 0
    for value in values:
        if value is None:
            return None
        total += value
    return total


def add_up(parts: Sequence[Layer | Sums]) -> Sums:
    """Return what ``parts`` add up to: a layer gives its own numbers."""
    params = trainable = buffers = param_bytes = buffer_bytes = complex_macs = 0
    macs, statuses, ran = None, set(), []
    for part in parts:
        params += part.params
        trainable += part.trainable_params
        buffers += part.buffers
        param_bytes += part.param_bytes
        buffer_bytes += part.buffer_bytes
        complex_macs += part.complex_macs
        if part.macs is not None:
            macs = (macs or 0) + part.macs
        statuses.add(part.macs_status)
        if part.ran if isinstance(part, Sums) else part.call:
            ran.append(part.memory)
    return Sums(
        params,
        trainable,
        buffers,
        param_bytes,
        buffer_bytes,
        macs,
        complex_macs,
        _status(statuses),
        _sum_of(ran),
        ran=bool(ran),
    )


def _sum_of(memories: Sequence[LayerMemory]) -> LayerMemory:
    """Return what layers that ran need; what none needs is not known."""
    if len(memories) == 1:
        return memories[0]
    if not memories:
        return LayerMemory(None, None)
    allocated, saved = zip(*((memory.allocated_bytes, memory.saved_bytes) for memory in memories), strict=True)
    return LayerMemory(all_known(allocated), all_known(saved))


def _status(statuses: set[MacsStatus]) -> MacsStatus:
    if statuses <= {"unknown"}:
        return "unknown"
    return "exact" if statuses == {"exact"} else "lower_bound"
