"""Pooling: windows per channel."""

from __future__ import annotations

from convinspect.fields import moves, reading
from convinspect.fields.aten.convolution import per_axis
from convinspect.fields.field import Field
from convinspect.fields.rules import Call, Result, aten, register
from convinspect.fields.windows import adaptive, sliding


@register(
    *aten(
        "max_pool1d max_pool2d max_pool3d max_pool1d_with_indices max_pool2d_with_indices max_pool3d_with_indices "
        "avg_pool1d avg_pool2d avg_pool3d mkldnn_max_pool2d mkldnn_max_pool3d"
    )
)
def pool(call: Call) -> Result:
    """Windows of ``kernel_size``; with ``ceil_mode`` the last ones reach beyond the input."""
    x = call["self"]
    count = int(call.op[call.op.index("_pool") + 5])
    kernel = per_axis(call.args["kernel_size"], count, 1)
    stride = per_axis(call.get("stride"), count, 0)
    padding = per_axis(call.get("padding"), count, 0)
    dilation = per_axis(call.get("dilation"), count, 1)
    windows = {}
    for axis in range(count):
        dim = len(x.shape) - count + axis
        windows[dim] = sliding(
            x.shape[dim],
            call.shape[dim],
            kernel[axis],
            stride[axis] or kernel[axis],
            padding[axis],
            dilation[axis],
        )
    return reading.slide(x, windows)


@register(
    *aten(
        "_adaptive_avg_pool2d _adaptive_avg_pool3d adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d "
        "adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d mkldnn_adaptive_avg_pool2d"
    )
)
def adaptive_pool(call: Call) -> Result:
    """``floor(o*n/m)`` to ``ceil((o+1)*n/m) - 1``; to one position: everything, whatever the length."""
    sizes = call.args["output_size"]
    return _adapt(call, call["self"], len(sizes))


def _adapt(call: Call, x: Field, count: int) -> Field:
    rank = len(x.shape)
    single = [dim for dim in range(rank - count, rank) if call.shape[dim] == 1]
    rest = [dim for dim in range(rank - count, rank) if call.shape[dim] > 1]
    out = reading.slide(x, {dim: adaptive(x.shape[dim], call.shape[dim]) for dim in rest})
    return call.contract(out, single) if single else out


@register("aten::max_unpool2d", "aten::max_unpool3d")
def unpool(call: Call) -> Result:
    """Put back where the indices say: any value of the plane can land anywhere in it."""
    x = call["self"]
    count = len(call.args["output_size"])
    dims = range(len(x.shape) - count, len(x.shape))
    out = call.contract(call.merge([x, call["indices"]], x.shape), dims)
    for dim in dims:
        out = moves.widen(out, dim, call.shape[dim])
    return out.doubting(data_dependent=call.cause)
