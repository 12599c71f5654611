"""Interpolation: which taps each output position reads."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from convinspect.fields.hulls import interpolation
from convinspect.fields.hulls.windows import Window, stretching
from convinspect.fields.operations.reading import slide
from convinspect.fields.rules import Call, Result, aten, rf_rule
from convinspect.tensors.describe import dtype_name

AxisWindow = Callable[[int, int, float | None], Window]
CHANNELS_LAST = {4: torch.channels_last, 5: torch.channels_last_3d}
FEWEST_CHANNELS, LARGEST_SMALL = 4, 128
SUPPORT = {"bilinear": 1.0, "bicubic": 2.0, "lanczos": 3.0}
SCALES = {1: ("scales",), 2: ("scales_h", "scales_w"), 3: ("scales_d", "scales_h", "scales_w")}


@rf_rule(
    *aten(
        "upsample_nearest1d upsample_nearest2d upsample_nearest3d "
        "_upsample_nearest_exact1d _upsample_nearest_exact2d _upsample_nearest_exact3d"
    )
)
def nearest(call: Call) -> Result:
    """``floor(o*n/m)``, or exact: ``floor((o+.5)*n/m)``.

    At the same size and double of it, torch's channels-last kernel for the first ignores the scale.
    """
    vectorized, exact = _is_channels_last_kernel(call), "exact" in call.op
    dtype = "float32" if vectorized else dtype_name(_tensor(call).dtype)

    def window(length: int, outputs: int, scale: float | None) -> Window:
        if vectorized and not exact and outputs in (length, 2 * length):
            # ``nearest_idx`` in UpSample.h serves these before it looks at the scale.
            return stretching(length, outputs // length)
        return interpolation.nearest(length, outputs, scale, dtype, exact=exact)

    return _resize(call, window)


@rf_rule(*aten("upsample_linear1d upsample_bilinear2d upsample_trilinear3d upsample_bicubic2d"))
def smooth(call: Call) -> Result:
    """Two taps a position, or four."""
    dtype, corners, is_cubic = dtype_name(_tensor(call).dtype), bool(call.args["align_corners"]), "cubic" in call.op
    return _resize(
        call,
        lambda n, m, scale: interpolation.smooth(n, m, scale, dtype, align_corners=corners, is_cubic=is_cubic),
    )


@rf_rule(*aten("_upsample_bilinear2d_aa _upsample_bicubic2d_aa _upsample_lanczos2d_aa"))
def antialiased(call: Call) -> Result:
    """As many taps as shrinking asks for."""
    support = next(reach for name, reach in SUPPORT.items() if name in call.op)
    corners = bool(call.get("align_corners", False))
    return _resize(call, lambda n, m, scale: interpolation.antialiased(n, m, scale, support, align_corners=corners))


def _resize(call: Call, make: AxisWindow) -> Result:
    x = call.input
    call.candidates.positions(x, range(2, x.rank))
    by_axis = zip(x.shape[2:], call.shape[2:], _scales(call, x.rank - 2), strict=True)
    return slide(x, {dim: make(length, outputs, scale) for dim, (length, outputs, scale) in enumerate(by_axis, 2)})


def _scales(call: Call, count: int) -> tuple[float | None, ...]:
    """Scale factors per axis, where the caller gave them; they outrank the ratio of the sizes."""
    together = call.args.get("scale_factors")
    if together:
        return tuple(float(scale) for scale in together)
    found = (call.args.get(name) for name in SCALES[count])
    return tuple(float(scale) if scale is not None and scale > 0 else None for scale in found)


def _is_channels_last_kernel(call: Call) -> bool:
    """Tell whether torch runs its channels-last kernel; it also does for small images of any layout.

    Source: ``_use_vectorized_kernel_cond_2d`` and ``_3d`` in ATen/native/cpu/UpSampleKernel.cpp. What is on the meta
    device is taken to run on the CPU.
    """
    x = _tensor(call)
    if x.device.type not in ("cpu", "meta") or x.dim() not in CHANNELS_LAST:
        return False
    if x.shape[1] >= FEWEST_CHANNELS and x.is_contiguous(memory_format=CHANNELS_LAST[x.dim()]):
        return True
    return "2d" in call.op and sum(call.shape[2:]) <= LARGEST_SMALL


def _tensor(call: Call) -> Tensor:
    tensor: Tensor = call.args["self" if "self" in call.args else "input"]
    return tensor
