"""What pooling reads: windows of its own, or as many as outputs were asked for. It multiplies nothing."""

from __future__ import annotations

from convinspect.ops.arguments import NotGivenError, flag, numbers, per_axis, shape
from convinspect.ops.operators import Operator, declare, operator
from convinspect.records import Attributes, OpCall, PoolKind

_MAXIMA = """
    max_pool1d max_pool2d max_pool3d max_pool1d_with_indices=max_pool1d mkldnn_max_pool2d mkldnn_max_pool3d
    quantized_max_pool1d quantized_max_pool2d quantized_max_pool3d
"""
_AVERAGES = "avg_pool1d avg_pool2d avg_pool3d"
_ADAPTIVE = """
    _adaptive_avg_pool2d _adaptive_avg_pool3d adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d
    adaptive_max_pool1d mkldnn_adaptive_avg_pool2d
"""
# Their indices come out as well, which the function of the same name keeps to itself.
_MAXIMA_AND_INDICES = "max_pool2d_with_indices=max_pool2d max_pool3d_with_indices=max_pool3d"
_ADAPTIVE_AND_INDICES = "adaptive_max_pool2d adaptive_max_pool3d"
_FRACTIONAL = "fractional_max_pool2d fractional_max_pool3d"
_WINDOWS_AS_COLUMNS = "im2col=unfold col2im=fold"
_ALL_AT_ONCE = 2


def _pool(call: OpCall) -> Attributes:
    kind: PoolKind = "avg" if "avg" in call.op else "max"
    attributes = _windows(call, _rank(call))
    attributes["pool"] = kind
    attributes["ceil_mode"] = flag(call, "ceil_mode")
    if kind == "avg":
        attributes["count_include_pad"] = flag(call, "count_include_pad")
        divisor = call.args.get("divisor_override")
        if isinstance(divisor, int):
            attributes["divisor_override"] = divisor
    return attributes


def _rank(call: OpCall) -> int:
    """Return how many axes the name of a pool says it slides along."""
    name = operator(call.op).name
    return int(name[name.index("pool") + len("pool")])


def _windows(call: OpCall, axes: int) -> Attributes:
    kernel = per_axis(call, "kernel_size", axes)
    windows = Attributes(
        kernel_size=kernel,
        stride=per_axis(call, "stride", axes, kernel),
        padding=per_axis(call, "padding", axes, 0),
    )
    if "dilation" in call.args:
        windows["dilation"] = per_axis(call, "dilation", axes, 1)
    return windows


def _columns(call: OpCall) -> Attributes:
    return _windows(call, 2)


def _adaptive(call: OpCall) -> Attributes:
    return Attributes(pool="avg" if "avg" in call.op else "max", output_size=numbers(call, "output_size"))


def _fractional(call: OpCall) -> Attributes:
    sizes = numbers(call, "output_size")
    return Attributes(pool="fractional", kernel_size=per_axis(call, "kernel_size", len(sizes)), output_size=sizes)


def _mean(call: OpCall) -> Attributes:
    """Read a mean over all of the last axes, kept: it is how torch pools to one position."""
    rank = len(shape(call, "self"))
    axes = {axis % rank for axis in numbers(call, "dim")} if rank else set()
    if len(axes) < _ALL_AT_ONCE or axes != set(range(rank - len(axes), rank)) or not flag(call, "keepdim"):
        raise NotGivenError(call.op)
    return Attributes(pool="avg", output_size=(1,) * len(axes))


declare(_MAXIMA, Operator(macs=0, attributes=_pool))
declare(_AVERAGES, Operator(macs=0, attributes=_pool))
declare(_ADAPTIVE, Operator(macs=0, attributes=_adaptive))
declare(_MAXIMA_AND_INDICES, Operator(macs=0, by_products=True, attributes=_pool))
declare(_ADAPTIVE_AND_INDICES, Operator(macs=0, by_products=True, attributes=_adaptive))
declare(_FRACTIONAL, Operator(macs=0, by_products=True, attributes=_fractional))
declare(_WINDOWS_AS_COLUMNS, Operator(macs=0, attributes=_columns))
declare("mean", Operator(macs=0, attributes=_mean))
