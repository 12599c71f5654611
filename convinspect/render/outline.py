"""The layers of a report as they hang together: what each is called, what is remarked, which of them are equal."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from functools import cached_property

from convinspect.fold import counts_on, worth_showing
from convinspect.report import Layer, Report
from convinspect.tree import Node, below, tree_of


class Outline:
    """A report's layers by index. ``shown`` has for each whether it explains the network.

    ``names`` are relative to the layer that encloses them. Making it is linear in the number of layers.
    """

    def __init__(self, report: Report) -> None:
        self.report = report
        self.nodes: list[Node] = tree_of(report.layers)
        self.shown = worth_showing(report.layers)
        self.remarks = list(remarks(report))
        self.names = [_name(node) for node in self.nodes]
        self.first_params: dict[str, int] = {}
        for node in self.nodes:
            self.first_params.setdefault(node.layer.path, node.sums.params)

    @cached_property
    def deepest(self) -> int:
        """The level of the deepest layer."""
        return max((node.level for node in self.nodes), default=0)

    @cached_property
    def worth(self) -> int:
        """How many layers have a row of their own where nothing is folded."""
        return sum(self.shown)

    def below(self, index: int) -> Iterator[int]:
        """Yield the layers right below layer ``index``."""
        return below(self.nodes, index)

    def series(self, siblings: Iterable[int]) -> Iterator[list[int]]:
        """Yield ``siblings``, those together that follow each other and are equal but for their number."""
        group: list[int] = []
        for index in siblings:
            if group and not self._follows(index, group[-1]):
                yield group
                group = []
            group.append(index)
        if group:
            yield group

    def _follows(self, index: int, before: int) -> bool:
        ours, theirs = self.nodes[index].layer, self.nodes[before].layer
        if "function" in (ours.kind, theirs.kind) or self._patterns[index] != self._patterns[before]:
            return False
        if ours.path == theirs.path:
            return ours.call == theirs.call + 1
        alike = ours.call == theirs.call and self.remarks[index] == self.remarks[before]
        return alike and counts_on(self.names[before], self.names[index])

    @cached_property
    def _patterns(self) -> list[int]:
        """Number what each layer is with all below it: equal numbers are the same layers with the same numbers."""
        numbers: dict[Hashable, int] = {}
        found = [0] * len(self.nodes)
        for index in range(len(self.nodes) - 1, -1, -1):
            below = tuple((self.names[inner], found[inner]) for inner in self.below(index))
            failed = "failed" in self.remarks[index]
            key = (_facts(self.nodes[index].layer), index if failed else -1, below)
            found[index] = numbers.setdefault(key, len(numbers))
        return found


def _facts(layer: Layer) -> Hashable:
    """Return what two rows must have in common to stand in one; receptive fields may differ."""
    given = tuple((one.shape, one.dtype) for one in layer.inputs)
    gives = tuple((one.shape, one.dtype) for one in layer.outputs)
    return (
        (layer.kind, layer.type, tuple(layer.attributes.items()), given, gives, layer.shared_with),
        (layer.params, layer.trainable_params, layer.buffers, layer.param_bytes, layer.buffer_bytes),
        (layer.macs, layer.macs_status, layer.memory),
    )


# Modules that are there to be read, and cannot be called.
_READ = ("ParameterDict", "ParameterList")


def _name(node: Node) -> str:
    layer, parent = node.layer, node.parent
    if layer.kind == "function":
        return ""
    return layer.path.removeprefix(f"{parent.layer.path}." if parent and parent.layer.path else "")


def remarks(report: Report) -> Iterator[str]:
    """Yield a remark for each layer of ``report``: ``" (call 2) (failed)"``, or nothing."""
    failed = _failed_row(report)
    never_ran = {note.path for note in report.warnings if note.code == "never_ran" and note.path}
    reached = True
    for index, layer in enumerate(report.layers):
        said = ""
        if index == failed:
            reached = False
            said = f"{_call(layer) if layer.kind == 'module' else ''} (failed)"
        elif layer.kind == "function":
            pass
        elif layer.call or report.model.format == "weights":
            said = _call(layer)
        elif report.failure is not None:
            # Whether a module that stands before the failure would have run later is not known.
            said = "" if reached else " (not reached)"
        elif layer.path in never_ran or layer.path.rpartition(".")[0] in never_ran:
            never_ran.add(layer.path)
            said = " (never read)" if layer.type in _READ else " (never ran)"
        elif layer.type in _READ:
            said = ""
        else:
            # Attention reads the weights of its projection without calling it: that is not the same as never running.
            said = " (not called)"
        yield said if layer.shared_with is None else f"{said} (shares {layer.shared_with or 'the model'})"


def _call(layer: Layer) -> str:
    return f" (call {layer.call})" if layer.call > 1 else ""


def _failed_row(report: Report) -> int | None:
    """Return where the forward stopped: the last call of that function or module, or of what it is folded into."""
    failure = report.failure
    if failure is None:
        return None
    rows = {(layer.path, layer.kind == "function"): index for index, layer in enumerate(report.layers)}
    last = rows.get((failure.path, True))
    if last is not None and failure.op == report.layers[last].type and not report.layers[last].outputs:
        return last
    path = failure.path
    while path and (path, False) not in rows:
        path = path.rpartition(".")[0]
    return rows.get((path, False))
