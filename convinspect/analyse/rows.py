"""The calls of a trace as the rows of a report: who holds whom, what is folded into a leaf, what never ran."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from convinspect.analyse.complex_convolution import whole_convolutions
from convinspect.ops import is_silent, price
from convinspect.records import ModuleCall, ModuleRecord, OpCall, Trace, Weight


@dataclass(slots=True)
class Row:
    """One row while it is put together; ``parent`` is the row that holds it (``None``: the model itself).

    ``places`` are those of ``ops`` in ``Trace.calls``.
    ``own_macs`` are those of the operators whose cost is known, ``complex_macs`` those of them that are of complex
    numbers; ``uncounted`` names the others, one by one.
    """

    depth: int
    parent: Row | None
    module: ModuleRecord | None
    call: ModuleCall | OpCall | None
    leaf: bool
    path: str
    ops: list[OpCall] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    own_macs: int = 0
    complex_macs: int = 0
    uncounted: list[str] = field(default_factory=list)

    def take(self, op: OpCall, place: int) -> None:
        """Make ``op``, call number ``place``, a part of this row: its cost is the row's, or it is uncounted.

        One that failed had none.
        """
        self.ops.append(op)
        self.places.append(place)
        if op.failed:
            return
        cost = price(op)
        if cost is None:
            self.uncounted.append(op.op)
        else:
            self.own_macs += cost
            self.complex_macs += cost if any(output.dtype.startswith("complex") for output in op.outputs) else 0

    @property
    def weights(self) -> tuple[Weight, ...]:
        """The module's own parameters and buffers."""
        return (*self.module.params, *self.module.buffers) if self.module is not None else ()

    @property
    def owns_weights(self) -> bool:
        """Whether this is the row that the module's own weights are counted in: its first."""
        return self.module is not None and not (isinstance(self.call, ModuleCall) and self.call.number > 1)


def rows_of(trace: Trace) -> list[Row]:
    """Return the rows in order of execution, parents before children.

    An operator inside a leaf module is part of the leaf's row. A module that never ran stands at the end of the
    nearest registered ancestor that did; a container without weights of its own cannot run and is left out.
    """
    modules = {module.path: module for module in trace.modules}
    leaves = _leaf_calls(trace, modules)
    never = _never_ran(trace, modules)
    ran_at_all = any(isinstance(call, ModuleCall) for call in trace.calls)
    rows: list[Row] = _orphans(never.pop("", []), None) if not ran_at_all else []
    by_call: dict[int, Row] = {}
    running: list[int] = []

    def close(down_to: int) -> None:
        while running and running[-1] != down_to:
            row = by_call[running.pop()]
            if isinstance(row.call, ModuleCall) and row.call.number == 1:
                rows.extend(_orphans(never.pop(row.path, []), row))

    whole = whole_convolutions(trace.calls)
    for index, ran in enumerate(trace.calls):
        call = whole.get(index, ran)
        if call is None:
            continue
        close(call.parent)
        parent = by_call.get(call.parent)
        if isinstance(call, ModuleCall):
            row = Row(_below(parent), parent, modules.get(call.path), call, index in leaves, call.path)
            running.append(index)
            by_call[index] = row
            rows.append(row)
        elif parent is not None and (parent.leaf or is_silent(call.op)):
            parent.take(call, index)
        elif not is_silent(call.op):
            row = Row(_below(parent), parent, None, call, leaf=True, path=parent.path if parent else "")
            row.take(call, index)
            rows.append(row)
    close(-1)
    return rows


def _below(parent: Row | None) -> int:
    return parent.depth + 1 if parent is not None else 0


def _leaf_calls(trace: Trace, modules: Mapping[str, ModuleRecord]) -> set[int]:
    callers = {call.parent for call in trace.calls if isinstance(call, ModuleCall)}
    return {
        index
        for index, call in enumerate(trace.calls)
        if isinstance(call, ModuleCall) and index not in callers and _is_leaf(modules.get(call.path))
    }


def _is_leaf(module: ModuleRecord | None) -> bool:
    if module is None:
        return True
    # A model written with functions alone would be one row: its operators are what people want to see.
    return module.leaf and (module.path != "" or module.builtin)


def _never_ran(trace: Trace, modules: Mapping[str, ModuleRecord]) -> dict[str, list[ModuleRecord]]:
    """Return the modules that never ran by the path of the nearest registered ancestor that did."""
    called = {call.path for call in trace.calls if isinstance(call, ModuleCall)}
    never: dict[str, list[ModuleRecord]] = {}
    anchors: dict[str, str] = {}
    for path, module in modules.items():
        if path in called or (trace.ran and module.container and not (module.params or module.buffers)):
            continue
        anchor = path
        while anchor and anchor not in called and anchor not in anchors:
            anchor = anchor.rpartition(".")[0]
        # Parents come first: asked again all the way up, a deep tree takes for ever.
        anchor = anchors[path] = anchors.get(anchor, anchor)
        never.setdefault(anchor, []).append(module)
    return never


def _orphans(missing: list[ModuleRecord], anchor: Row | None) -> list[Row]:
    """Return rows for modules that never ran, nested among each other as they are registered."""
    rows: dict[str, Row] = {}
    for module in missing:
        above = module.path
        while above and (above := above.rpartition(".")[0]) and above not in rows:
            pass
        parent = rows.get(above) if module.path else None
        parent = parent or anchor
        rows[module.path] = Row(_below(parent), parent, module, None, module.leaf, module.path)
    return list(rows.values())
