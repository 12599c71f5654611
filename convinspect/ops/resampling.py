"""What padding adds and what interpolation stretches. Neither multiplies anything by the definition."""

from __future__ import annotations

import re

from convinspect.ops.arguments import NotGivenError, numbers, shape
from convinspect.ops.operators import Operator, declare
from convinspect.records import Attributes, OpCall, Padding

_PADS = """
    _pad_circular=pad _pad_enum constant_pad_nd=pad pad reflection_pad1d reflection_pad2d reflection_pad3d
    replication_pad1d replication_pad2d replication_pad3d
"""
_INTERPOLATIONS = """
    _upsample_bicubic2d_aa _upsample_bilinear2d_aa _upsample_lanczos2d_aa _upsample_nearest_exact1d
    _upsample_nearest_exact2d _upsample_nearest_exact3d upsample_bicubic2d upsample_bilinear2d upsample_linear1d
    upsample_nearest1d upsample_nearest2d upsample_nearest3d upsample_trilinear3d
"""
_PAD_MODES = {"reflect": "reflect", "replic": "replicate", "circul": "circular"}
_NUMBERED_MODES = ("constant", "reflect", "replicate", "circular")
_SCALES = ("scales_d", "scales_h", "scales_w")


def _pad(call: OpCall) -> Attributes:
    """Turn torch's list, last axis first, into one entry an axis, first axis first; a negative amount crops."""
    amounts = numbers(call, "padding" if "padding" in call.args else "pad")
    sides = reversed(tuple(zip(amounts[::2], amounts[1::2], strict=True)))
    padding: tuple[Padding, ...] = tuple(left if left == right else (left, right) for left, right in sides)
    attributes = Attributes(padding=padding, padding_mode=_pad_mode(call))
    value = call.args.get("value")
    if isinstance(value, (int, float)) and attributes["padding_mode"] == "constant":
        attributes["value"] = float(value)
    return attributes


def _pad_mode(call: OpCall) -> str:
    mode = call.args.get("mode")
    if isinstance(mode, int):
        return _NUMBERED_MODES[mode]
    return mode if isinstance(mode, str) else next((m for name, m in _PAD_MODES.items() if name in call.op), "constant")


def _interpolation(call: OpCall) -> Attributes:
    axes = len(shape(call, "self", "input")) - 2
    mode = re.search(r"upsample_(nearest_exact|[a-z]+)", call.op)
    if mode is None or not call.outputs:
        raise NotGivenError(call.op)
    attributes = Attributes(mode=mode[1].replace("_", "-"))
    scales = call.args.get("scale_factors") or tuple(
        call.args.get(name) for name in (("scales",) if axes == 1 else _SCALES[-axes:])
    )
    given = tuple(scale for scale in scales if isinstance(scale, (int, float))) if isinstance(scales, tuple) else ()
    # Asked for by a factor, the size follows from the input and is no setting.
    if len(given) == axes:
        attributes["scale_factor"] = tuple(map(float, given))
    else:
        attributes["output_size"] = call.outputs[0].shape[2:]
    corners = call.args.get("align_corners")
    if isinstance(corners, bool):
        attributes["align_corners"] = corners
    if "_aa" in call.op:
        attributes["antialias"] = True
    return attributes


declare(_PADS, Operator(macs=0, attributes=_pad))
declare(_INTERPOLATIONS, Operator(macs=0, attributes=_interpolation))
