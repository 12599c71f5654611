"""What an operator gives to its caller, without what its kernel gives to its own backward."""

from __future__ import annotations

from convinspect.records import OpCall, TensorRecord

# Indices, statistics and log-sums that the function of the same name keeps to itself.
_BY_PRODUCTS = (
    "max_pool2d_with_indices",
    "max_pool3d_with_indices",
    "adaptive_max_pool2d",
    "adaptive_max_pool3d",
    "fractional_max_pool2d",
    "fractional_max_pool3d",
    "_norm",
    "_norm_legit",
    "_norm_legit_no_training",
    "_norm_with_update",
    "_rms_norm",
    "_attention",
    "_attention_for_cpu",
    "_attention_forward",
    "native_dropout",
    "_fused_dropout",
    "_embedding_bag",
    "_embedding_bag_forward_only",
    "_weight_norm_interface",
    "log_sigmoid_forward",
    "_loss_forward",
    "nll_loss2d_forward",
    "_ctc_loss",
    "_cachemask",
)


def results_of(call: OpCall) -> tuple[TensorRecord, ...]:
    """Return the outputs of ``call`` that a caller sees: of max pooling the maxima, not their indices."""
    name = call.op.partition(".")[2].partition(".")[0]
    return call.outputs[:1] if name.endswith(_BY_PRODUCTS) else call.outputs
