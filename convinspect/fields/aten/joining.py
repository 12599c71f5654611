"""Concatenation and stacking."""

from __future__ import annotations

from dataclasses import replace

from convinspect.fields import joining, moves
from convinspect.fields.rules import Call, Result, register


@register("aten::cat", "aten::concat", "aten::concatenate")
def cat(call: Call) -> Result:
    """Side by side along ``dim``; an empty vector of shape ``(0,)`` is skipped, as torch does."""
    rank = len(call.shape)
    fields = [call.field(tensor) for tensor in call.args["tensors"] if tensor.dim() == rank]
    return joining.concatenate(fields, call.get("dim", 0) % rank)


@register("aten::stack", "aten::_stack")
def stack(call: Call) -> Result:
    """Along a new dimension; it is one of positions where the parts were positions (time steps put back together)."""
    rank = len(call.shape)
    dim = call.get("dim", 0) % rank
    out = joining.concatenate([moves.insert(call.field(tensor), dim) for tensor in call.args["tensors"]], dim)
    if any(out.spatial) or not any(axis.strict.shape[dim + 1] > 1 for axis in out.axes):
        return out
    return replace(out, spatial=tuple(d == dim for d in range(rank)))
