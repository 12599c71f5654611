"""Rows to the report's layers: what each owns, what each costs, and both with everything below."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from convinspect.analyse.attributes import attributes_by_row
from convinspect.analyse.fields import field_of_outputs
from convinspect.analyse.rows import Row
from convinspect.analyse.runs import outputs_of_runs, runs_of
from convinspect.ops import results_of, type_name
from convinspect.records import Attributes, ModuleCall, OpCall, TensorRecord, Trace, Value, Weight
from convinspect.report import Layer, LayerMemory, MacsStatus, Shape
from convinspect.tree import Node, all_known, tree_of


def layers_of(trace: Trace, rows: list[Row]) -> tuple[Layer, ...]:
    """Return one layer a row; parents come before children in ``rows``."""
    settings = attributes_by_row(rows)
    layers = [_layer(row, trace, found) for row, found in zip(rows, settings, strict=True)]
    return tuple(map(_with_totals, tree_of(layers)))


def _with_totals(node: Node) -> Layer:
    if node.leaf:  # its own are all
        return node.layer
    sums = node.sums
    return replace(node.layer, params_total=sums.params, macs_total=sums.macs, macs_status=sums.macs_status)


def _layer(row: Row, trace: Trace, attributes: Attributes) -> Layer:
    """Return ``row`` with what it owns and costs itself in the place of the totals, too."""
    params, buffers = _counted(row)
    number, type_, inputs, outputs = _facts(row)
    own_params = _elements(params)
    status = _macs_status(row, trace)
    macs = None if status == "unknown" else row.own_macs
    return Layer(
        path=row.path,
        call=number,
        kind="function" if isinstance(row.call, OpCall) else "module",
        type=type_,
        depth=row.depth,
        leaf=row.leaf,
        inputs=tuple(Shape(fact.shape, fact.dtype) for fact in inputs),
        outputs=tuple(map(_output, outputs)),
        params=own_params,
        trainable_params=_elements([weight for weight in params if weight.trainable]),
        buffers=_elements(buffers),
        param_bytes=sum([weight.bytes for weight in params]),
        buffer_bytes=sum([weight.bytes for weight in buffers]),
        params_total=own_params,
        shared_with=_owner(row),
        macs=macs,
        macs_total=macs,
        macs_status=status,
        memory=_memory(row),
        receptive_field=field_of_outputs(outputs),
        attributes=attributes,
        complex_macs=row.complex_macs,
        runs=runs_of(row),
    )


def _macs_status(row: Row, trace: Trace) -> MacsStatus:
    """Return how well the row's own MACs are known.

    A module that a complete forward never called did no work; after a failure nobody knows.
    """
    if row.call is None and not (trace.ran and trace.failure is None):
        return "unknown"
    stopped = row.call.failed if isinstance(row.call, OpCall) else row.call is not None and not row.call.finished
    return "lower_bound" if (trace.failure is not None and stopped) or row.uncounted else "exact"


def _memory(row: Row) -> LayerMemory:
    """Return what the row's operators newly allocate, and what a training step saves in it."""
    if row.call is None:
        return LayerMemory(None, None)
    ops = [op for op in row.ops if not op.failed]
    saved = [op.saved_bytes for op in ops]
    if isinstance(row.call, ModuleCall):
        saved.append(row.call.saved_bytes)
    return LayerMemory(all_known(op.allocated_bytes for op in ops), all_known(saved))


def _counted(row: Row) -> tuple[list[Weight], list[Weight]]:
    """Return the parameters and buffers that this row counts: its module's own, at its first run, but those tied."""
    if not row.owns_weights or row.module is None:
        return [], []
    params, buffers = (
        [weight for weight in weights if weight.tied_to is None] for weights in (row.module.params, row.module.buffers)
    )
    return params, buffers


def _elements(weights: Iterable[Weight]) -> int:
    return sum([weight.numel or 0 for weight in weights])


def _owner(row: Row) -> str | None:
    """Return the first module that another one's weight of the row is tied to."""
    for weight in row.weights:
        if weight.tied_to is not None and weight.tied_to != row.path:
            return weight.tied_to
    return None


def _output(one: TensorRecord) -> TensorRecord:
    """Return ``one`` as a report has it, whatever kind of record it is."""
    return one if type(one) is TensorRecord else TensorRecord(one.shape, one.dtype, one.bytes, one.receptive_field)


def _facts(row: Row) -> tuple[int, str, Iterable[TensorRecord], tuple[TensorRecord, ...]]:
    """Return which call of its module ``row`` belongs to, its type, what it was given, and what it gave."""
    call = row.call
    if isinstance(call, ModuleCall):
        return call.number, call.type, call.inputs, call.outputs
    if isinstance(call, OpCall):
        number = row.parent.call.number if row.parent and isinstance(row.parent.call, ModuleCall) else 1
        outputs = results_of(call) if runs_of(row) == 1 else outputs_of_runs(row)
        return number, type_name(call), _facts_in(tuple(call.args.values())), outputs
    return 0, row.module.type if row.module else "", (), ()


def _facts_in(value: Value) -> list[TensorRecord]:
    if isinstance(value, TensorRecord):
        return [value]
    return [fact for item in value for fact in _facts_in(item)] if isinstance(value, tuple) else []
