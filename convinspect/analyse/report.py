"""The whole report of one trace."""

from __future__ import annotations

from collections import Counter

from convinspect.analyse.layers import layers_of
from convinspect.analyse.memory import total_memory
from convinspect.analyse.notes import notes_of, uncounted_of
from convinspect.analyse.rows import rows_of
from convinspect.records import Trace
from convinspect.report import Layer, MacsStatus, Report, Tensor, Totals


def analyse(trace: Trace) -> Report:
    """Return the report of ``trace``."""
    rows = rows_of(trace)
    layers = layers_of(trace, rows)
    return Report(
        tool=trace.tool,
        model=trace.model,
        run=trace.run,
        inputs=tuple(map(Tensor.of, trace.inputs)),
        outputs=tuple(map(Tensor.of, trace.outputs)),
        layers=layers,
        totals=_totals(trace, layers),
        warnings=notes_of(trace, rows),
        uncounted=uncounted_of(rows),
        unit=trace.unit,
    )


def _totals(trace: Trace, layers: tuple[Layer, ...]) -> Totals:
    params = sum(layer.params for layer in layers)
    trainable = sum(layer.trainable_params for layer in layers)
    param_bytes = sum(layer.param_bytes for layer in layers)
    buffer_bytes = sum(layer.buffer_bytes for layer in layers)
    status = _status(layers)
    macs = None if status == "unknown" else sum(layer.macs or 0 for layer in layers)
    return Totals(
        params=params,
        trainable_params=trainable,
        non_trainable_params=params - trainable,
        buffers=sum(layer.buffers for layer in layers),
        param_bytes=param_bytes,
        buffer_bytes=buffer_bytes,
        weight_bytes=param_bytes + buffer_bytes,
        macs=macs,
        flops=None if macs is None else 2 * macs,
        macs_status=status,
        memory=total_memory(trace, param_bytes + buffer_bytes),
        bytes_by_dtype=_bytes_by_dtype(trace),
    )


def _status(layers: tuple[Layer, ...]) -> MacsStatus:
    statuses = {layer.macs_status for layer in layers}
    if statuses <= {"unknown"}:
        return "unknown"
    return "exact" if statuses == {"exact"} else "lower_bound"


def _bytes_by_dtype(trace: Trace) -> dict[str, int]:
    sizes: Counter[str] = Counter()
    for module in trace.modules:
        for weight in (*module.params, *module.buffers):
            if weight.tied_to is None:
                sizes[weight.dtype] += weight.bytes
    return dict(sorted(sizes.items()))
