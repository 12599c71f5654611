"""What normalisation runs over: channels, groups of them, or the last axes. It multiplies nothing by the definition."""

from __future__ import annotations

from convinspect.ops.arguments import NotGivenError, is_given, numbers, shape
from convinspect.ops.operators import Operator, declare
from convinspect.records import Attributes, OpCall

_BATCH = """
    _batch_norm_with_update=batch_norm _native_batch_norm_legit=batch_norm
    _native_batch_norm_legit_no_training=batch_norm cudnn_batch_norm miopen_batch_norm native_batch_norm
"""
_WHOLE_BATCH = """
    _batch_norm_impl_index=batch_norm _batch_norm_no_update=batch_norm
    _batch_norm_with_update_functional=batch_norm _native_batch_norm_legit_functional=batch_norm batch_norm
"""
_LAYERS = "layer_norm rms_norm"
_LAYERS_AND_STATISTICS = "native_layer_norm _fused_rms_norm=rms_norm"


def _channels(call: OpCall) -> Attributes:
    given = shape(call, "input", "self")
    if len(given) < len(("batch", "channels")):
        raise NotGivenError(call.op)
    return Attributes(num_features=given[1], affine=is_given(call, "weight"), bias=is_given(call, "bias"))


def _groups(call: OpCall) -> Attributes:
    groups = call.args.get("group", call.args.get("num_groups"))
    if not isinstance(groups, int):
        raise NotGivenError(call.op)
    return {**_channels(call), "num_groups": groups}


def _last_axes(call: OpCall) -> Attributes:
    sizes = numbers(call, "normalized_shape")
    return Attributes(normalized_shape=sizes, affine=is_given(call, "weight"), bias=is_given(call, "bias"))


declare(_BATCH, Operator(macs=0, by_products=True, attributes=_channels))
declare(_WHOLE_BATCH, Operator(macs=0, attributes=_channels))
declare(_LAYERS, Operator(macs=0, attributes=_last_axes))
declare(_LAYERS_AND_STATISTICS, Operator(macs=0, by_products=True, attributes=_last_axes))
declare("group_norm", Operator(macs=0, attributes=_groups))
declare("native_group_norm", Operator(macs=0, by_products=True, attributes=_groups))
