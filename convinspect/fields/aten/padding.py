"""Padding: nothing outside, or the edge, the mirrored or the wrapped position."""

from __future__ import annotations

from convinspect.fields import reading
from convinspect.fields.rules import Call, Result, register
from convinspect.fields.windows import padding


@register("aten::constant_pad_nd", "aten::pad", "aten::_pad_circular", "aten::_pad_enum")
def pad(call: Call) -> Result:
    """Pad the last dimensions, last first; a negative amount crops."""
    mode = call.get("mode", "circular" if "circular" in call.op else "constant")
    return _pad(call, mode if isinstance(mode, str) else ("constant", "reflect", "replicate", "circular")[mode])


@register(*(f"aten::reflection_pad{rank}d" for rank in (1, 2, 3)))
def reflect(call: Call) -> Result:
    """Mirror at the edge, which is not repeated."""
    return _pad(call, "reflect")


@register(*(f"aten::replication_pad{rank}d" for rank in (1, 2, 3)))
def replicate(call: Call) -> Result:
    """Repeat the edge."""
    return _pad(call, "replicate")


def _pad(call: Call, mode: str) -> Result:
    x = call["self"]
    amounts = call.args["padding"] if "padding" in call.args else call.args["pad"]
    windows = {}
    for number in range(len(amounts) // 2):
        left, right = amounts[2 * number], amounts[2 * number + 1]
        if left or right:
            dim = len(x.shape) - 1 - number
            windows[dim] = padding(x.shape[dim], left, right, mode)
    return reading.slide(x, windows)
