"""Pooling: windows per channel."""

from __future__ import annotations

from convinspect.fields.aten.convolution import per_axis, slide_last
from convinspect.fields.hulls.windows import adaptive
from convinspect.fields.operations.reading import slide
from convinspect.fields.rules import Call, Result, aten, named, rf_rule


@rf_rule(
    *aten(
        "max_pool1d max_pool2d max_pool3d max_pool1d_with_indices max_pool2d_with_indices max_pool3d_with_indices "
        "avg_pool1d avg_pool2d avg_pool3d mkldnn_max_pool2d mkldnn_max_pool3d quantized_max_pool1d "
        "quantized_max_pool2d quantized_max_pool3d"
    ),
    *named("quantized", "max_pool1d max_pool2d"),
)
def pool(call: Call) -> Result:
    """Windows of ``kernel_size``; with ``ceil_mode`` the last ones reach beyond the input."""
    count = int(call.op[call.op.index("_pool") + 5])
    kernel = per_axis(call.args["kernel_size"], (1,) * count)
    x = call.input
    call.candidates.positions(x, range(x.rank - count, x.rank))
    return slide_last(call, x, kernel, stride=per_axis(call.get("stride"), kernel))


@rf_rule(
    *aten(
        "_adaptive_avg_pool2d _adaptive_avg_pool3d adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d "
        "adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d mkldnn_adaptive_avg_pool2d"
    )
)
def adaptive_pool(call: Call) -> Result:
    """``floor(o*n/m)`` to ``ceil((o+1)*n/m) - 1``; to one position: everything, whatever the length."""
    x = call["self"]
    dims = range(x.rank - len(call.args["output_size"]), x.rank)
    single = [dim for dim in dims if call.shape[dim] == 1]
    out = slide(x, {dim: adaptive(x.shape[dim], call.shape[dim]) for dim in dims if dim not in single})
    return call.contract(out, single) if single else out


@rf_rule(*aten("max_unpool2d max_unpool3d"))
def unpool(call: Call) -> Result:
    """Put back where the indices say: any value of the plane can land anywhere in it."""
    x = call["self"]
    dims = range(x.rank - len(call.args["output_size"]), x.rank)
    return call.mix(call.merge([x, call["indices"]], x.shape), dims).marked(data_dependent=call.cause)
