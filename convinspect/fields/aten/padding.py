"""Padding: nothing outside, or the edge, the mirrored or the wrapped position."""

from __future__ import annotations

from convinspect.fields.hulls.windows import padding
from convinspect.fields.operations.reading import slide
from convinspect.fields.rules import Call, Result, aten, rf_rule

MODES = ("constant", "reflect", "replicate", "circular")


@rf_rule(
    *aten(
        "constant_pad_nd pad _pad_circular _pad_enum reflection_pad1d reflection_pad2d reflection_pad3d "
        "replication_pad1d replication_pad2d replication_pad3d"
    )
)
def pad(call: Call) -> Result:
    """Pad the last dimensions, last first; a negative amount crops."""
    x = call["self"]
    # Some operators have the mode in their name: reflection_pad2d, _pad_circular.
    mode = call.get("mode") or next((mode for mode in MODES if mode[:5] in call.op), "constant")
    amounts = call.args["padding" if "padding" in call.args else "pad"]
    windows = {}
    for number, (left, right) in enumerate(zip(amounts[::2], amounts[1::2], strict=True), 1):
        if left or right:
            dim = x.rank - number
            windows[dim] = padding(x.shape[dim], left, right, MODES[mode] if isinstance(mode, int) else mode)
    return slide(x, windows)
