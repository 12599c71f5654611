"""Concatenation and stacking."""

from __future__ import annotations

from convinspect.fields.hulls.hull import Absent
from convinspect.fields.operations.dimensions import has_units
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


@rf_rule("aten::block_diag")
def diagonal_blocks(call: Call) -> Result:
    """Matrices in a larger one, as a bound: all of them."""
    return [field.marked(upper_bound=call.cause) for field in call.all_of(call.fields())]


@rf_rule(*aten("stack _stack"))
def stack(call: Call) -> Result:
    """Along a new dimension, of positions where each part was one of them (time steps put back together)."""
    rank = len(call.shape)
    dim = call.get("dim", 0) % rank
    out = concatenate([insert(call.field(tensor), dim) for tensor in call.args["tensors"]], dim)
    alone = not any(map(has_units, out.spatial))
    steps = any(axis.strict.varies(dim) and (alone or axis.nominal is Absent.CONSUMED) for axis in out.axes)
    return out.with_spatial((*out.spatial[:dim], True, *out.spatial[dim + 1 :])) if steps else out
