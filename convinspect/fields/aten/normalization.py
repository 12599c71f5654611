"""Normalization: by running statistics nothing is mixed; by those of the input itself, all that they are taken over."""

from __future__ import annotations

from convinspect.fields import reshaping
from convinspect.fields.field import Field
from convinspect.fields.rules import Call, Result, aten, register


@register(
    *aten(
        "native_batch_norm cudnn_batch_norm miopen_batch_norm batch_norm _batch_norm_with_update "
        "_batch_norm_no_update _native_batch_norm_legit _native_batch_norm_legit_functional "
        "_native_batch_norm_legit_no_training _batch_norm_impl_index"
    )
)
def batch_norm(call: Call) -> Result:
    """In evaluation each element by itself; in training all positions of its channel: global."""
    x = call["input"]
    training = bool(call.get("training", "with_update" in call.op))
    # Without running statistics the batch's own are taken, also in evaluation.
    if call.op == "aten._native_batch_norm_legit.no_stats":
        training = bool(call.get("training", True))
    if training and len(x.shape) > 1:
        x = call.contract(x, [dim for dim in range(len(x.shape)) if dim != 1], keeps_own=True)
    return _with_affine(call, x, 1)


@register("aten::native_group_norm", "aten::group_norm")
def group_norm(call: Call) -> Result:
    """All channels of the group and all positions: global."""
    x = call["input"]
    groups = call.args["group"] if "group" in call.args else call.args["num_groups"]
    count, channels, *rest = x.shape
    split = reshaping.reshape(x, (count, groups, channels // groups, *rest))
    normed = call.contract(split, range(2, len(split.shape)), keeps_own=True)
    return _with_affine(call, reshaping.reshape(normed, x.shape), 1)


@register("aten::native_layer_norm", "aten::layer_norm", "aten::rms_norm", "aten::_fused_rms_norm")
def layer_norm(call: Call) -> Result:
    """Over the last dimensions: global where positions are among them."""
    x = call["input"]
    count = len(call.args["normalized_shape"])
    return call.contract(x, range(len(x.shape) - count, len(x.shape)), keeps_own=True)


@register("aten::instance_norm")
def instance_norm(call: Call) -> Result:
    """All positions of the channel: global, unless running statistics are used."""
    x = call["input"]
    if not call.get("use_input_stats", True):
        return x
    return call.contract(x, range(2, len(x.shape)), keeps_own=True)


@register(*aten("_softmax _log_softmax _safe_softmax softmax log_softmax"))
def softmax(call: Call) -> Result:
    """Everything along ``dim``."""
    return call.contract(call["self"], [call.args["dim"]], keeps_own=True)


@register("aten::_masked_softmax")
def masked_softmax(call: Call) -> Result:
    """Everything along ``dim``, masked or not."""
    x = call.merge([call["self"], call["mask"]], call.shape)
    return call.contract(x, [call.get("dim", -1)], keeps_own=True)


def _with_affine(call: Call, x: Field, dim: int) -> Field:
    """Add what a weight or bias that depends on the input brings in, per channel."""
    parts = [x]
    for name in ("weight", "bias"):
        tensor = call.args.get(name)
        field = call.find(tensor) if tensor is not None else None
        if field is not None:
            parts.append(reshaping.reshape(field, (*field.shape, *(1,) * (len(x.shape) - dim - 1))))
    return x if len(parts) == 1 else call.merge(parts, x.shape)
