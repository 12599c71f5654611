"""The weights that quantised modules keep in packed objects instead of tensors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from convinspect.tensors.operands import results

_PER_CHANNEL = (torch.per_channel_affine, torch.per_channel_affine_float_qparams)


def packed_tensors(module: nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield the weights, biases, scales and zero points in the packed objects of ``module`` itself, by name.

    They are unpacked copies: what the library's own layout pads them with is not in their bytes. Nothing is yielded
    for an object that does not unpack.
    """
    for name, packed in _packed_objects(module):
        for i, tensor in enumerate(results(_unpacked(packed))):
            part = f"{name}.{i}"
            yield part, tensor.detach()
            if tensor.is_quantized and tensor.qscheme() in _PER_CHANNEL:
                yield f"{part}.scales", tensor.q_per_channel_scales()
                yield f"{part}.zero_points", tensor.q_per_channel_zero_points()


def _packed_objects(module: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(module, torch.jit.ScriptModule):
        if module._c.hasattr("_packed_params"):  # noqa: SLF001 - as torch.jit's own wrappers
            packed = module._c.getattr("_packed_params")  # noqa: SLF001
            if isinstance(packed, torch.ScriptObject):
                yield "_packed_params", packed
        return
    for name, value in module.__dict__.items():
        if isinstance(value, torch.ScriptObject):
            yield name, value


def _unpacked(value: Any) -> Any:
    """Return the tensors of a packed object; that of a recurrent cell holds packed objects again."""
    if isinstance(value, (list, tuple)):
        return [_unpacked(item) for item in value]
    if not isinstance(value, torch.ScriptObject):
        return value
    packed: Any = value
    method = next((name for name in ("unpack", "__getstate__") if packed._has_method(name)), None)  # noqa: SLF001
    try:
        return _unpacked(getattr(packed, method)()) if method else None
    except RuntimeError:  # an object of a library that this build of torch does not have
        return None
