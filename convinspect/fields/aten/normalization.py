"""Normalization: by running statistics nothing is mixed; by those of the input itself, all that they are taken over."""

from __future__ import annotations

from convinspect.fields.operations.field import Field
from convinspect.fields.operations.moves import reshape
from convinspect.fields.rules import Call, Result, aten, rf_rule

AFFINE = ("weight", "bias")
STATISTICS = ("running_mean", "running_var")


@rf_rule(
    *aten(
        "native_batch_norm cudnn_batch_norm miopen_batch_norm batch_norm _batch_norm_with_update "
        "_batch_norm_no_update _native_batch_norm_legit _native_batch_norm_legit_functional "
        "_native_batch_norm_legit_no_training _batch_norm_impl_index"
    )
)
def batch_norm(call: Call) -> Result:
    """In evaluation each element by itself, and the statistics; in training all positions of its channel: global."""
    x = call["input"]
    # Without running statistics the batch's own are taken, also in evaluation.
    always = "with_update" in call.op or call.op == "aten._native_batch_norm_legit.no_stats"
    training = bool(call.get("training", always))
    if training and x.rank > 1:
        x = call.contract(x, [dim for dim in range(x.rank) if dim != 1], keeps_own=True)
    return _with_channels(call, x, *AFFINE, *(() if training else STATISTICS))


@rf_rule(*aten("native_group_norm group_norm"))
def group_norm(call: Call) -> Result:
    """All channels of the group and all positions: global."""
    x = call["input"]
    groups = call.args["group" if "group" in call.args else "num_groups"]
    count, channels, *rest = x.shape
    split = reshape(x, (count, groups, channels // groups, *rest))
    normed = call.contract(split, range(2, split.rank), keeps_own=True)
    return _with_channels(call, reshape(normed, x.shape), *AFFINE)


@rf_rule(*aten("native_layer_norm layer_norm rms_norm _fused_rms_norm"))
def layer_norm(call: Call) -> Result:
    """Over the last dimensions: global where positions are among them."""
    x = call["input"]
    count = len(call.args["normalized_shape"])
    normed = call.contract(x, range(x.rank - count, x.rank), keeps_own=True)
    # Weight and bias have the shape of the last dimensions, and are broadcast over the others.
    affine = call.fields(*AFFINE)
    return call.merge([normed, *affine], x.shape) if affine else normed


@rf_rule("aten::renorm")
def renorm(call: Call) -> Result:
    """Each slice along ``dim``, by its norm."""
    x = call["self"]
    kept = call.args["dim"] % x.rank
    return call.contract(x, [dim for dim in range(x.rank) if dim != kept], keeps_own=True)


@rf_rule("aten::instance_norm")
def instance_norm(call: Call) -> Result:
    """All positions of the channel: global, unless running statistics are used."""
    x = call["input"]
    if not call.get("use_input_stats", True):
        return _with_channels(call, x, *AFFINE, *STATISTICS)
    return _with_channels(call, call.contract(x, range(2, x.rank), keeps_own=True), *AFFINE)


@rf_rule(*aten("_softmax _log_softmax _safe_softmax softmax log_softmax _masked_softmax"))
def softmax(call: Call) -> Result:
    """Everything along ``dim``, masked or not."""
    x = call.merge([call["self"], call["mask"]]) if "mask" in call.args else call["self"]
    if x.rank:
        call.candidates.samples(x, [call.get("dim", -1)])
    return call.contract(x, [call.get("dim", -1)], keeps_own=True)


def _with_channels(call: Call, x: Field, *names: str) -> Field:
    """Add what the arguments ``names``, with one value per channel, bring in."""
    ones = (1,) * (x.rank - 2)
    parts = [reshape(field, (*field.shape, *ones)) for field in call.fields(*names)]
    return call.merge([x, *parts], x.shape) if parts else x
