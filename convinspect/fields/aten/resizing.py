"""Interpolation: which taps each output position reads."""

from __future__ import annotations

from collections.abc import Callable

import torch

from convinspect.fields import interpolation, reading
from convinspect.fields.field import Shape
from convinspect.fields.rules import Call, Result, register
from convinspect.fields.windows import Window

AxisWindow = Callable[[int, int, float | None], Window]
CHANNELS_LAST = {4: torch.channels_last, 5: torch.channels_last_3d}
FEWEST_CHANNELS, LARGEST_SMALL = 4, 128
LINEAR_SUPPORT, CUBIC_SUPPORT, LANCZOS_SUPPORT = 1.0, 2.0, 3.0


@register(*(f"aten::upsample_nearest{rank}d" for rank in (1, 2, 3)))
def nearest(call: Call) -> Result:
    """``floor(o*n/m)``; at the same size and double of it, torch's channels-last kernel ignores the scale."""
    dtype = _dtype_of_nearest(call)
    by_sizes = interpolation.nearest_by_sizes if _is_channels_last_kernel(call) else lambda *_: None
    return _resize(call, lambda n, m, scale: by_sizes(n, m) or interpolation.nearest(n, m, scale, dtype, exact=False))


@register(*(f"aten::_upsample_nearest_exact{rank}d" for rank in (1, 2, 3)))
def nearest_exact(call: Call) -> Result:
    """``floor((o+.5)*n/m)``."""
    dtype = _dtype_of_nearest(call)
    return _resize(call, lambda n, m, scale: interpolation.nearest(n, m, scale, dtype, exact=True))


@register("aten::upsample_linear1d", "aten::upsample_bilinear2d", "aten::upsample_trilinear3d")
def linear(call: Call) -> Result:
    """Two taps a position."""
    corners = bool(call.args["align_corners"])
    return _resize(call, lambda n, m, scale: interpolation.linear(n, m, scale, _dtype(call), align_corners=corners))


@register("aten::upsample_bicubic2d")
def cubic(call: Call) -> Result:
    """Four taps a position."""
    corners = bool(call.args["align_corners"])
    return _resize(call, lambda n, m, scale: interpolation.cubic(n, m, scale, _dtype(call), align_corners=corners))


@register("aten::_upsample_bilinear2d_aa", "aten::_upsample_bicubic2d_aa", "aten::_upsample_lanczos2d_aa")
def antialiased(call: Call) -> Result:
    """As many taps as shrinking asks for."""
    supports = {"bilinear": LINEAR_SUPPORT, "bicubic": CUBIC_SUPPORT, "lanczos": LANCZOS_SUPPORT}
    support = next(value for name, value in supports.items() if name in call.op)
    corners = bool(call.get("align_corners", False))
    return _resize(
        call,
        lambda n, m, scale: interpolation.antialiased(n, m, scale, support, align_corners=corners),
    )


def _resize(call: Call, make: AxisWindow) -> Result:
    x = call["self"] if "self" in call.args else call["input"]
    rank = len(x.shape)
    count = rank - 2
    scales = _scales(call, count)
    sizes: Shape = call.shape
    return reading.slide(x, {dim: make(x.shape[dim], sizes[dim], scales[dim - 2]) for dim in range(rank - count, rank)})


def _scales(call: Call, count: int) -> tuple[float | None, ...]:
    """Scale factors per axis, where the caller gave them; they outrank the ratio of the sizes."""
    together = call.args.get("scale_factors")
    if together:
        return tuple(float(scale) for scale in together)
    names = {1: ("scales",), 2: ("scales_h", "scales_w"), 3: ("scales_d", "scales_h", "scales_w")}[count]
    found = (call.args.get(name) for name in names)
    return tuple(float(scale) if scale is not None and scale > 0 else None for scale in found)


def _is_channels_last_kernel(call: Call) -> bool:
    """Tell whether torch runs its channels-last kernel; it also does for small images of any layout.

    Source: ``_use_vectorized_kernel_cond_2d`` and ``_3d`` in ATen/native/cpu/UpSampleKernel.cpp. What is on the meta
    device is taken to run on the CPU.
    """
    x = call.args["self"] if "self" in call.args else call.args["input"]
    if x.device.type not in ("cpu", "meta") or x.dim() not in CHANNELS_LAST:
        return False
    if x.shape[1] >= FEWEST_CHANNELS and x.is_contiguous(memory_format=CHANNELS_LAST[x.dim()]):
        return True
    return "2d" in call.op and sum(call.shape[2:]) <= LARGEST_SMALL


def _dtype_of_nearest(call: Call) -> str:
    return "float32" if _is_channels_last_kernel(call) else _dtype(call)


def _dtype(call: Call) -> str:
    tensor = call.args["self"] if "self" in call.args else call.args["input"]
    return str(tensor.dtype).removeprefix("torch.")
