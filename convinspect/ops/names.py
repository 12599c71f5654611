"""What an operator's name says by itself: the function that people write, not the kernel that ran."""

from __future__ import annotations

_KNOWN_LIBRARIES = ("aten", "torchvision", "higher_order", "Tensor")
_TRIMMED_PREFIXES = ("native_", "cudnn_", "miopen_", "mkldnn_", "mps_")
_TRIMMED_SUFFIXES = ("_forward", "_copy", "_no_training", "_functional", "_cachemask")

_STARTS = {
    "_scaled_dot_product_": "scaled_dot_product_attention",
    "_flash_attention_forward": "scaled_dot_product_attention",
    "_efficient_attention_forward": "scaled_dot_product_attention",
    "_cudnn_attention_forward": "scaled_dot_product_attention",
    "_triton_scaled_dot_attention": "scaled_dot_product_attention",
    "_fft_": "fft",
    "upsample_": "interpolate",
    "_upsample_": "interpolate",
    "reflection_pad": "pad",
    "replication_pad": "pad",
}


def spoken_name(qualified: str) -> str:
    """Return what people call the operator ``library.kernel``: ``max_pool2d`` for ``aten.mkldnn_max_pool2d``.

    In-place operators lose their underscore. Operators of other libraries keep the library: ``mylib.myop``.
    """
    library, _, name = qualified.partition(".")
    if library not in _KNOWN_LIBRARIES:
        return qualified
    if name.startswith("__"):
        return name.strip("_")
    name = name.removesuffix("_")
    for start, known in _STARTS.items():
        if name.startswith(start):
            return known
    name = name.removeprefix("_")
    for prefix in _TRIMMED_PREFIXES:
        name = name.removeprefix(prefix)
    for suffix in _TRIMMED_SUFFIXES:
        name = name.removesuffix(suffix)
    return name or "operator"
