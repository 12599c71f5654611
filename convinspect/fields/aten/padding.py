"""Padding: nothing outside, or the edge, the mirrored or the wrapped position."""

from __future__ import annotations

from convinspect.fields.call import Call
from convinspect.fields.hulls.windows import padding
from convinspect.fields.operations.reading import slide
from convinspect.fields.rules import Result, aten, rf_rule


@rf_rule(*aten("constant_pad_nd pad _pad_circular _pad_enum"))
def pad(call: Call) -> Result:
    """Pad the last dimensions, last first; a negative amount crops."""
    mode = call.get("mode", "circular" if "circular" in call.op else "constant")
    return _pad(call, mode if isinstance(mode, str) else ("constant", "reflect", "replicate", "circular")[mode])


@rf_rule(*aten("reflection_pad1d reflection_pad2d reflection_pad3d"))
def reflect(call: Call) -> Result:
    """Mirror at the edge, which is not repeated."""
    return _pad(call, "reflect")


@rf_rule(*aten("replication_pad1d replication_pad2d replication_pad3d"))
def replicate(call: Call) -> Result:
    """Repeat the edge."""
    return _pad(call, "replicate")


def _pad(call: Call, mode: str) -> Result:
    x = call["self"]
    amounts = call.args["padding" if "padding" in call.args else "pad"]
    windows = {}
    for number, (left, right) in enumerate(zip(amounts[::2], amounts[1::2], strict=True), 1):
        if left or right:
            dim = x.rank - number
            windows[dim] = padding(x.shape[dim], left, right, mode)
    return slide(x, windows)
