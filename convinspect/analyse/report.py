"""The whole report of one trace."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from convinspect.analyse.layers import layers_of
from convinspect.analyse.notes import notes_of, uncounted_of
from convinspect.analyse.rows import rows_of
from convinspect.analyse.runs import loops_folded
from convinspect.analyse.sections import edges_of, timelines_of, units_of
from convinspect.records import Failure, OpCall, Trace
from convinspect.report import Layer, Report, Tensor, TotalMemory, Totals
from convinspect.spec import Section
from convinspect.tree import total, totals_of


def analyse(trace: Trace, sections: tuple[Section, ...] = ()) -> Report:
    """Return the report of ``trace`` with the ``sections`` that it was made with."""
    rows = loops_folded(rows_of(trace))
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
        failure=_failure(trace, layers),
        graph=edges_of(rows) if "graph" in sections else None,
        timeline=timelines_of(trace, rows) if "timeline" in sections else None,
        units=units_of(rows) if "units" in sections else None,
    )


def _failure(trace: Trace, layers: tuple[Layer, ...]) -> Failure | None:
    """Return why the forward stopped, with the function that raised where it has a row: then that is the last one."""
    last = trace.calls[-1] if trace.calls else None
    if trace.failure is None or not isinstance(last, OpCall) or not last.failed:
        return trace.failure
    functions = [layer for layer in layers if layer.kind == "function"]
    has_row = functions and not functions[-1].outputs and functions[-1].path == trace.failure.path
    return replace(trace.failure, op=functions[-1].type if has_row else None)


def _totals(trace: Trace, layers: tuple[Layer, ...]) -> Totals:
    sums = total(layers)
    inputs = sum(named.record.bytes for named in trace.inputs)
    memory = trace.memory or TotalMemory(inputs, sums.weight_bytes, None, None, None)  # of a trace without a run
    return totals_of(sums, memory, _bytes_by_dtype(trace))


def _bytes_by_dtype(trace: Trace) -> dict[str, int]:
    sizes: Counter[str] = Counter()
    for module in trace.modules:
        for weight in (*module.params, *module.buffers):
            if weight.tied_to is None:
                for dtype, size in weight.parts or ((weight.dtype, weight.bytes),):
                    sizes[dtype] += size
    return dict(sorted(sizes.items()))
