"""What torch's schemas say of an operator that is about to run on fake tensors."""

from __future__ import annotations

from functools import cache
from typing import Any

from convinspect.tensors.known import depends_on_all
from convinspect.tensors.operators import signature_of

# They change how the tensor that they are given lies in its storage, or give it another one.
_LAYING = frozenset(
    (
        *("resize_", "resize_as_", "set_", "as_strided_", "transpose_", "t_", "squeeze_", "unsqueeze_"),
        *("swapaxes_", "swapdims_", "detach_", "rename_", "set_data", "_resize_output_"),
    )
)

# Where a tensor begins in its storage, and whether gradients are wanted.
_TOLD_BY_MORE = frozenset(
    f"aten::{name}" for name in ("as_strided", "as_strided_copy", "as_strided_scatter", "mkldnn_rnn_layer")
)


@cache
def lays_anew(func: Any) -> bool:
    """Tell whether the operator may change the shape of a tensor that it is given."""
    signature = signature_of(func)
    if signature is None or signature.replaced:
        return True
    return bool(signature.written) and signature.name.split("::")[1] in _LAYING


@cache
def is_told_by_layouts(func: Any) -> bool:
    """Tell an operator of torch's own that leaves the tensors that it is given as they lie."""
    signature = signature_of(func)
    if signature is None or not signature.name.startswith("aten::"):
        return False
    return signature.name not in _TOLD_BY_MORE and not lays_anew(func)


@cache
def is_told_by_its_tensors(func: Any) -> bool:
    """Tell an operator of which only layouts are left to tell where nothing is known of the tensors' values."""
    return is_told_by_layouts(func) and depends_on_all(func)


@cache
def takes_device(func: Any) -> bool:
    """Tell an operator that is given a device, or may be."""
    signature = signature_of(func)
    return signature is not None and "device" in signature.names


@cache
def takes_tensors(func: Any) -> bool:
    """Tell an operator that is given tensors, or may be."""
    signature = signature_of(func)
    return signature is not None and any("Tensor" in kind for kind in signature.types)
