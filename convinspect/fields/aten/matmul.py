"""Products: hull over what is contracted, crossed over what is not."""

from __future__ import annotations

from math import prod

from convinspect.fields.hulls.arrays import Shape
from convinspect.fields.operations.field import Field, collapse
from convinspect.fields.operations.merging import cross
from convinspect.fields.operations.moves import broadcast, drop, insert, permute, reshape
from convinspect.fields.rules import Call, Result, aten, rf_rule


@rf_rule(*aten("mm bmm matmul mv dot vdot _int_mm linalg_matmul"))
def product(call: Call) -> Result:
    """``self @ other``."""
    other = next(name for name in ("mat2", "other", "vec", "tensor") if name in call.args)
    return _multiply(call, call["self"], call[other], call.shape)


@rf_rule(*aten("addmm baddbmm addmv addbmm _addmm_activation"))
def add_product(call: Call) -> Result:
    """``self + one @ other``."""
    one = call[next(name for name in ("mat1", "batch1", "mat") if name in call.args)]
    other = call[next(name for name in ("mat2", "batch2", "vec") if name in call.args)]
    if call.op.startswith("aten.addbmm"):
        one = reshape(permute(one, [1, 0, 2]), (one.shape[1], one.shape[0] * one.shape[2]))
        other = reshape(other, (prod(other.shape[:2]), other.shape[2]))
    return call.merge([_multiply(call, one, other, call.shape), call["self"]])


@rf_rule(*aten("linear mkldnn_linear"))
def linear(call: Call) -> Result:
    """``input @ weight.T + bias``."""
    weight = call["weight"]
    out = _multiply(call, call.input, permute(weight, range(weight.rank)[::-1]), call.shape)
    bias = call.args.get("bias")
    return out if bias is None else call.merge([out, call.field(bias)])


@rf_rule("aten::_trilinear")
def trilinear(call: Call) -> Result:
    """Product of three tensors, expanded by the given dimensions and summed over ``sumdim``."""
    parts = []
    for number in "123":
        field = call[f"i{number}"]
        for dim in call.args[f"expand{number}"]:
            field = insert(field, dim)
        parts.append(field)
    shape = tuple(max(sizes) for sizes in zip(*(part.shape for part in parts), strict=True))
    dims = [dim % len(shape) for dim in call.args["sumdim"]]
    return drop(call.contract(cross(parts, shape), dims), dims)


@rf_rule("aten::bilinear")
def bilinear(call: Call) -> Result:
    """Both inputs, each mixed over its features."""
    for name in ("input1", "input2"):
        call.candidates.features(call[name], -1)
    parts = [call.mix(call[name], [-1]) for name in ("input1", "input2")]
    return call.merge([*parts, *(collapse(field, (1,)) for field in call.fields("weight", "bias"))])


@rf_rule("aten::_grouped_mm")
def grouped_product(call: Call) -> Result:
    """Rows of ``self``, each with the matrix of its group, or matrix by matrix; which is which, the offsets say."""
    one, other = call["self"], call["mat2"]
    if one.rank < other.rank:
        parts = [call.mix(one, [-1]), collapse(other, (1, 1))]
    elif call.args.get("offs") is None:
        parts = [call.mix(one, [-1]), call.mix(other, [-2])]
    else:
        parts = [call.whole(one), call.whole(other)]
    return call.merge([*parts, *map(call.whole, call.fields("offs"))])


@rf_rule("aten::einsum")
def einsum(call: Call) -> Result:
    """All of every operand: a bound; torch itself runs einsum as products, which are followed exactly."""
    return call.merge([call.whole(field) for field in call.fields()]).marked(upper_bound=call.cause)


def _multiply(call: Call, one: Field, other: Field, shape: Shape) -> Field:
    """Matrix product as ``torch.matmul`` defines it: rows of ``one``, columns of ``other``, batches broadcast."""
    call.candidates.features(one, -1)
    call.candidates.features(other, -2 if other.rank > 1 else -1)
    left = one if one.rank > 1 else insert(one, 0)
    right = other if other.rank > 1 else insert(other, 1)
    rank = max(left.rank, right.rank)
    batch = shape[: rank - 2] if len(shape) >= rank - 2 else ()
    full = (*batch, left.shape[-2], right.shape[-1])
    out = broadcast(cross([call.contract(left, [-1]), call.contract(right, [-2])], full), full)
    lost = [dim for dim, factor in ((rank - 2, one), (rank - 1, other)) if factor.rank == 1]
    return drop(out, lost) if lost else out
