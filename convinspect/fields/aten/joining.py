"""Concatenation and stacking."""

from __future__ import annotations

from convinspect.fields.operations.merging import concatenate
from convinspect.fields.operations.moves import insert
from convinspect.fields.rules import Call, Result, aten, named, rf_rule


@rf_rule(*aten("cat concat concatenate"), *named("quantized", "cat cat_relu"))
def cat(call: Call) -> Result:
    """Side by side along ``dim``; an empty vector of shape ``(0,)`` is skipped, as torch does."""
    rank = len(call.shape)
    tensors = call.args["tensors" if "tensors" in call.args else "qx"]
    fields = [call.field(tensor) for tensor in tensors if tensor.dim() == rank]
    return concatenate(fields, call.get("dim", 0) % rank)


@rf_rule(*aten("stack _stack"))
def stack(call: Call) -> Result:
    """Along a new dimension; it is one of positions where the parts were positions (time steps put back together)."""
    rank = len(call.shape)
    dim = call.get("dim", 0) % rank
    out = concatenate([insert(call.field(tensor), dim) for tensor in call.args["tensors"]], dim)
    if any(kind is not False for kind in out.spatial) or not out.varies(dim):
        return out
    return out.with_spatial(tuple(d == dim for d in range(rank)))
