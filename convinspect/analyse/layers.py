"""Rows to the report's layers: what each owns, what each costs, and both with everything below."""

from __future__ import annotations

from collections.abc import Iterable

from convinspect.analyse.memory import row_memory
from convinspect.analyse.rows import Row
from convinspect.ops import results_of, type_name
from convinspect.records import ModuleCall, OpCall, TensorRecord, Trace, Value, Weight
from convinspect.report import Layer, MacsStatus, Shape


class _Sums:
    """What a row and everything below it add up to."""

    __slots__ = ("exact", "known", "macs", "params")

    def __init__(self) -> None:
        self.params = 0
        self.macs = 0
        self.exact = True
        self.known = False

    def add(self, other: _Sums) -> None:
        self.params += other.params
        self.macs += other.macs
        self.exact = self.exact and other.exact
        self.known = self.known or other.known

    @property
    def status(self) -> MacsStatus:
        if not self.known:
            return "unknown"
        return "exact" if self.exact else "lower_bound"


def layers_of(trace: Trace, rows: list[Row]) -> tuple[Layer, ...]:
    """Return one layer a row; parents come before children in ``rows``, so sums are made from the end."""
    sums: dict[int, _Sums] = {}
    for row in reversed(rows):
        below = sums.setdefault(id(row), _Sums())
        below.add(_own(row, trace))
        if row.parent is not None:
            sums.setdefault(id(row.parent), _Sums()).add(below)
    return tuple(_layer(row, sums[id(row)], trace) for row in rows)


def _own(row: Row, trace: Trace) -> _Sums:
    own = _Sums()
    own.params = sum(weight.numel or 0 for weight in _counted(row, "params"))
    own.known = _macs_known(row, trace)
    own.macs = row.own_macs
    finished = not isinstance(row.call, ModuleCall) or row.call.finished or trace.failure is None
    own.exact = own.known and finished and not row.uncounted
    return own


def _macs_known(row: Row, trace: Trace) -> bool:
    """A module that a complete forward never called did no work; after a failure nobody knows."""
    return row.call is not None or (trace.ran and trace.failure is None)


def _layer(row: Row, below: _Sums, trace: Trace) -> Layer:
    params, buffers = _counted(row, "params"), _counted(row, "buffers")
    call = row.call
    is_function = isinstance(call, OpCall)
    known = _macs_known(row, trace)
    return Layer(
        path=row.path,
        call=_number(row),
        kind="function" if is_function else "module",
        type=type_name(call) if isinstance(call, OpCall) else _module_type(row),
        depth=row.depth,
        leaf=row.leaf,
        inputs=tuple(Shape(fact.shape, fact.dtype) for fact in _inputs(call)),
        outputs=_outputs(call),
        params=sum(weight.numel or 0 for weight in params),
        trainable_params=sum(weight.numel or 0 for weight in params if weight.trainable),
        buffers=sum(weight.numel or 0 for weight in buffers),
        param_bytes=sum(weight.bytes for weight in params),
        buffer_bytes=sum(weight.bytes for weight in buffers),
        params_total=below.params,
        shared_with=_shared_with(row),
        macs=row.own_macs if known else None,
        macs_total=below.macs if below.known else None,
        macs_status=below.status,
        memory=row_memory(row),
        receptive_field=call.receptive_field if call is not None else None,
    )


def _number(row: Row) -> int:
    call = row.call
    if isinstance(call, ModuleCall):
        return call.number
    if isinstance(call, OpCall):
        return _number(row.parent) if row.parent is not None else 1
    return 0


def _module_type(row: Row) -> str:
    if isinstance(row.call, ModuleCall):
        return row.call.type
    return row.module.type if row.module is not None else ""


def _counted(row: Row, kind: str) -> list[Weight]:
    """Return the weights that this row counts: its module's own, at its first run, unless tied to another."""
    if not row.owns_weights or row.module is None:
        return []
    weights = row.module.params if kind == "params" else row.module.buffers
    return [weight for weight in weights if weight.tied_to is None]


def _shared_with(row: Row) -> str | None:
    weights = (*row.module.params, *row.module.buffers) if row.module is not None else ()
    return next((w.tied_to for w in weights if w.tied_to is not None and w.tied_to != row.path), None)


def _outputs(call: ModuleCall | OpCall | None) -> tuple[TensorRecord, ...]:
    if isinstance(call, OpCall):
        return results_of(call)
    return call.outputs if call is not None else ()


def _inputs(call: ModuleCall | OpCall | None) -> Iterable[TensorRecord]:
    if isinstance(call, ModuleCall):
        return call.inputs
    return _facts_in(tuple(call.args.values())) if call is not None else ()


def _facts_in(value: Value) -> list[TensorRecord]:
    if isinstance(value, TensorRecord):
        return [value]
    return [fact for item in value for fact in _facts_in(item)] if isinstance(value, tuple) else []
