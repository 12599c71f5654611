"""Concatenation and stacking."""

from __future__ import annotations

from convinspect.fields.hulls.hull import Absent
from convinspect.fields.operations.dimensions import has_units
from convinspect.fields.operations.field import nothing
from convinspect.fields.operations.merging import concatenate
from convinspect.fields.operations.moves import broadcast, insert, permute, raise_rank
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
    """Matrices in a larger one, with nothing beside them; a vector is a row."""
    rows, before = [], 0
    for tensor in call.args["tensors"]:
        block = raise_rank(call.field(tensor), 2)
        height, width = block.shape
        sides = [nothing((height, size), call.count) for size in (before, call.shape[1] - before - width)]
        parts = [part for part in (sides[0], block, sides[1]) if part.shape[1]]
        rows.append(concatenate(parts, 1) if parts else block)
        before += width
    return concatenate([row for row in rows if row.shape[0]], 0)


@rf_rule("aten::diag_embed")
def embed(call: Call) -> Result:
    """Vectors as diagonals, as a bound: what stands beside them depends on nothing."""
    x = call["self"]
    if call.get("offset", 0) == 0:
        one, other = sorted(call.get(f"dim{number}", number - 3) % len(call.shape) for number in (1, 2))
        order = [*range(x.rank - 1)]
        order.insert(one, x.rank - 1)
        row = insert(permute(x, order), other)
        return broadcast(row, call.shape).marked(upper_bound=call.cause)
    return broadcast(call.whole(x), call.shape).marked(upper_bound=call.cause)


@rf_rule(*aten("stack _stack"))
def stack(call: Call) -> Result:
    """Along a new dimension, of positions where each part was one of them (time steps put back together)."""
    rank = len(call.shape)
    dim = call.get("dim", 0) % rank
    out = concatenate([insert(call.field(tensor), dim) for tensor in call.args["tensors"]], dim)
    alone = not any(map(has_units, out.spatial))
    steps = any(axis.strict.varies(dim) and (alone or axis.nominal is Absent.CONSUMED) for axis in out.axes)
    return out.with_spatial((*out.spatial[:dim], True, *out.spatial[dim + 1 :])) if steps else out
