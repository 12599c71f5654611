"""Normalization: by running statistics nothing is mixed; by those of the input itself, all that they are taken over."""

from __future__ import annotations

from convinspect.fields import reshaping
from convinspect.fields.field import Field
from convinspect.fields.rules import Call, Result, aten, register

AFFINE = ("weight", "bias")
STATISTICS = ("running_mean", "running_var")


@register(
    *aten(
        "native_batch_norm cudnn_batch_norm miopen_batch_norm batch_norm _batch_norm_with_update "
        "_batch_norm_no_update _native_batch_norm_legit _native_batch_norm_legit_functional "
        "_native_batch_norm_legit_no_training _batch_norm_impl_index"
    )
)
def batch_norm(call: Call) -> Result:
    """In evaluation each element by itself, and the statistics; in training all positions of its channel: global."""
    x = call["input"]
    training = bool(call.get("training", "with_update" in call.op))
    # Without running statistics the batch's own are taken, also in evaluation.
    if call.op == "aten._native_batch_norm_legit.no_stats":
        training = bool(call.get("training", True))
    if training and len(x.shape) > 1:
        x = call.contract(x, [dim for dim in range(len(x.shape)) if dim != 1], keeps_own=True)
    return _with_channels(call, x, AFFINE if training else (*AFFINE, *STATISTICS))


@register("aten::native_group_norm", "aten::group_norm")
def group_norm(call: Call) -> Result:
    """All channels of the group and all positions: global."""
    x = call["input"]
    groups = call.args["group"] if "group" in call.args else call.args["num_groups"]
    count, channels, *rest = x.shape
    split = reshaping.reshape(x, (count, groups, channels // groups, *rest))
    normed = call.contract(split, range(2, len(split.shape)), keeps_own=True)
    return _with_channels(call, reshaping.reshape(normed, x.shape), AFFINE)


@register("aten::native_layer_norm", "aten::layer_norm", "aten::rms_norm", "aten::_fused_rms_norm")
def layer_norm(call: Call) -> Result:
    """Over the last dimensions: global where positions are among them."""
    x = call["input"]
    count = len(call.args["normalized_shape"])
    normed = call.contract(x, range(len(x.shape) - count, len(x.shape)), keeps_own=True)
    # Weight and bias have the shape of the last dimensions, and are broadcast over the others.
    affine = _followed(call, AFFINE)
    return call.merge([normed, *affine], x.shape) if affine else normed


@register("aten::instance_norm")
def instance_norm(call: Call) -> Result:
    """All positions of the channel: global, unless running statistics are used."""
    x = call["input"]
    if not call.get("use_input_stats", True):
        return _with_channels(call, x, (*AFFINE, *STATISTICS))
    return _with_channels(call, call.contract(x, range(2, len(x.shape)), keeps_own=True), AFFINE)


@register(*aten("_softmax _log_softmax _safe_softmax softmax log_softmax"))
def softmax(call: Call) -> Result:
    """Everything along ``dim``."""
    return call.contract(call["self"], [call.args["dim"]], keeps_own=True)


@register("aten::_masked_softmax")
def masked_softmax(call: Call) -> Result:
    """Everything along ``dim``, masked or not."""
    x = call.merge([call["self"], call["mask"]], call.shape)
    return call.contract(x, [call.get("dim", -1)], keeps_own=True)


def _with_channels(call: Call, x: Field, names: tuple[str, ...]) -> Field:
    """Add what the arguments ``names``, with one value per channel, bring in."""
    ones = (1,) * (len(x.shape) - 2)
    parts = [reshaping.reshape(field, (*field.shape, *ones)) for field in _followed(call, names)]
    return call.merge([x, *parts], x.shape) if parts else x


def _followed(call: Call, names: tuple[str, ...]) -> list[Field]:
    """Fields of those of the arguments ``names`` that are there and depend on the input."""
    tensors = [call.args.get(name) for name in names]
    fields = [call.find(tensor) for tensor in tensors if tensor is not None]
    return [field for field in fields if field is not None]
