"""What operators are called in the table: the functions that people write, not the kernels that ran."""

from __future__ import annotations

from convinspect.ops.registry import qualified_name
from convinspect.records import OpCall, TensorRecord

_TRIMMED_PREFIXES = ("native_", "cudnn_", "miopen_", "mkldnn_", "mps_")
_TRIMMED_SUFFIXES = ("_forward", "_copy", "_no_training", "_functional", "_cachemask")
_KNOWN_LIBRARIES = ("aten", "torchvision", "higher_order")

_RENAMED = {
    "_addmm_activation": "linear",
    "_batch_norm_impl_index": "batch_norm",
    "_batch_norm_no_update": "batch_norm",
    "_batch_norm_with_update": "batch_norm",
    "_batch_norm_with_update_functional": "batch_norm",
    "_embedding_bag_forward_only": "embedding_bag",
    "_euclidean_dist": "cdist",
    "_fft_c2c": "fft",
    "_fft_c2r": "fft",
    "_fft_r2c": "fft",
    "_fused_dropout": "dropout",
    "_fused_rms_norm": "rms_norm",
    "_index_put_impl": "index_put",
    "_native_batch_norm_legit": "batch_norm",
    "_native_batch_norm_legit_functional": "batch_norm",
    "_native_batch_norm_legit_no_training": "batch_norm",
    "_native_multi_head_attention": "multi_head_attention",
    "_pad_circular": "pad",
    "_prelu_kernel": "prelu",
    "_reshape_alias": "reshape",
    "_reshape_copy": "reshape",
    "_safe_softmax": "softmax",
    "_transformer_encoder_layer_fwd": "transformer_encoder_layer",
    "_trilinear": "bilinear",
    "_unique": "unique",
    "_unique2": "unique",
    "_unsafe_index": "index",
    "_unsafe_index_put": "index_put",
    "_unsafe_view": "view",
    "_weight_norm_interface": "weight_norm",
    "affine_grid_generator": "affine_grid",
    "batch_norm_elemt": "batch_norm",
    "bmm": "matmul",
    "col2im": "fold",
    "constant_pad_nd": "pad",
    "cudnn_affine_grid_generator": "affine_grid",
    "cudnn_grid_sampler": "grid_sample",
    "grid_sampler": "grid_sample",
    "grid_sampler_2d": "grid_sample",
    "grid_sampler_3d": "grid_sample",
    "im2col": "unfold",
    "linalg_vector_norm": "norm",
    "log_sigmoid": "logsigmoid",
    "log_sigmoid_forward": "logsigmoid",
    "max_pool1d_with_indices": "max_pool1d",
    "max_pool2d_with_indices": "max_pool2d",
    "max_pool3d_with_indices": "max_pool3d",
    "mm": "matmul",
    "native_channel_shuffle": "channel_shuffle",
    "nll_loss2d_forward": "nll_loss",
    "rrelu_with_noise": "rrelu",
    "rsub": "sub",
}

_STARTS = (
    ("_scaled_dot_product_", "scaled_dot_product_attention"),
    ("_flash_attention_forward", "scaled_dot_product_attention"),
    ("_efficient_attention_forward", "scaled_dot_product_attention"),
    ("_cudnn_attention_forward", "scaled_dot_product_attention"),
    ("_triton_scaled_dot_attention", "scaled_dot_product_attention"),
    ("upsample_", "interpolate"),
    ("_upsample_", "interpolate"),
    ("reflection_pad", "pad"),
    ("replication_pad", "pad"),
)

_NOT_PLAIN = frozenset({"conv_tbc", "deform_conv2d", "convolution_backward", "convolution_backward_overrideable"})
_RNN_MODES = {0: "rnn_relu", 1: "rnn_tanh", 2: "lstm", 3: "gru"}
_FUSED_RNNS = frozenset({"_cudnn_rnn", "miopen_rnn", "mkldnn_rnn_layer"})


def type_name(call: OpCall) -> str:
    """Return the name that people know a call by: ``conv2d`` for ``aten.convolution.default`` with a 2-D kernel.

    In-place operators lose their underscore. Operators of other libraries keep the library: ``mylib.myop``.
    """
    library, _, name = qualified_name(call.op).partition(".")
    name = name.removesuffix("_")
    if library not in _KNOWN_LIBRARIES:
        return display_name(call.op)
    if "conv" in name and name not in _NOT_PLAIN:
        return _convolution(call, name)
    if name in _FUSED_RNNS:
        return _RNN_MODES.get(_integer(call, "mode"), "rnn")
    if name == "addmm":
        return "linear" if call.args.get("beta", 1) == call.args.get("alpha", 1) == 1 else name
    return display_name(call.op)


def display_name(op: str) -> str:
    """Return the name that people know an operator by, whatever it was called with."""
    library, _, name = qualified_name(op).partition(".")
    if library not in _KNOWN_LIBRARIES:
        return f"{library}.{name}" if name else library
    if name.startswith("__"):
        return name.strip("_")
    name = name.removesuffix("_")
    if name in _RENAMED:
        return _RENAMED[name]
    for start, known in _STARTS:
        if name.startswith(start):
            return known
    return _trimmed(name)


def _convolution(call: OpCall, name: str) -> str:
    weight = call.args.get("weight")
    if not isinstance(weight, TensorRecord):
        return _trimmed(name)
    transposed = "transpose" in name or call.args.get("transposed") is True
    return f"conv{'_transpose' if transposed else ''}{len(weight.shape) - 2}d"


def _integer(call: OpCall, name: str) -> int:
    value = call.args.get(name)
    return value if isinstance(value, int) else -1


def _trimmed(name: str) -> str:
    name = name.removeprefix("_")
    for prefix in _TRIMMED_PREFIXES:
        name = name.removeprefix(prefix)
    for suffix in _TRIMMED_SUFFIXES:
        name = name.removesuffix(suffix)
    return name or "operator"
