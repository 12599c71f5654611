"""Products: hull over what is contracted, crossed over what is not."""

from __future__ import annotations

from convinspect.fields import mixing, moves, reshaping
from convinspect.fields.bounds import numel
from convinspect.fields.field import Field, Shape, collapse
from convinspect.fields.rules import Call, Result, register


@register("aten::mm", "aten::bmm", "aten::matmul", "aten::mv", "aten::dot", "aten::vdot")
def product(call: Call) -> Result:
    """``self @ other``."""
    other = next(name for name in ("mat2", "other", "vec", "tensor") if name in call.args)
    return multiply(call, call["self"], call[other], call.shape)


@register("aten::addmm", "aten::baddbmm", "aten::addmv", "aten::addbmm", "aten::_addmm_activation")
def add_product(call: Call) -> Result:
    """``self + one @ other``."""
    one = next(name for name in ("mat1", "batch1", "mat") if name in call.args)
    other = next(name for name in ("mat2", "batch2", "vec") if name in call.args)
    first, second = call[one], call[other]
    if "addbmm" in call.op:
        first, second = (
            reshaping.reshape(
                moves.permute(first, [1, 0, 2]), (first.shape[1], numel((first.shape[0], first.shape[2])))
            ),
            reshaping.reshape(second, (numel(second.shape[:2]), second.shape[2])),
        )
    return call.merge([multiply(call, first, second, call.shape), call["self"]], call.shape)


@register("aten::linear", "aten::mkldnn_linear")
def linear(call: Call) -> Result:
    """``input @ weight.T + bias``."""
    x = call["input"] if "input" in call.args else call["self"]
    weight = call["weight"]
    out = multiply(call, x, moves.permute(weight, range(len(weight.shape))[::-1]), call.shape)
    bias = call.args.get("bias")
    return out if bias is None else call.merge([out, call.field(bias)], call.shape)


@register("aten::_trilinear")
def trilinear(call: Call) -> Result:
    """Product of three tensors, expanded by the given dimensions and summed over ``sumdim``."""
    parts = []
    for number in "123":
        field = call[f"i{number}"]
        for dim in call.args[f"expand{number}"]:
            field = moves.insert(field, dim)
        parts.append(field)
    rank = len(parts[0].shape)
    sizes = tuple(max(part.shape[dim] for part in parts) for dim in range(rank))
    dims = [dim % rank for dim in call.args["sumdim"]]
    full = mixing.merge(parts, sizes, call.cause, crossed=True)
    return moves.drop(call.contract(full, dims), dims)


@register("aten::bilinear")
def bilinear(call: Call) -> Result:
    """Both inputs, each mixed over its features."""
    one, two = (call.contract(call[name], [-1]) for name in ("input1", "input2"))
    parts = [moves.widen(field, len(field.shape) - 1, call.shape[-1]) for field in (one, two)]
    rest = [call[name] for name in ("weight", "bias") if call.args.get(name) is not None]
    return call.merge([*parts, *(collapse(field, (1,)) for field in rest if not field.is_nothing)], call.shape)


@register("aten::einsum")
def einsum(call: Call) -> Result:
    """All of every operand: a bound; torch itself runs einsum as products, which are followed exactly."""
    parts = [collapse(field, (1,) * len(call.shape)) for field in call.fields()]
    return call.merge(parts, call.shape).doubting(upper_bound=call.cause)


def multiply(call: Call, one: Field, other: Field, shape: Shape) -> Field:
    """Matrix product as ``torch.matmul`` defines it: rows of ``one``, columns of ``other``, batches broadcast."""
    left = one if len(one.shape) > 1 else moves.insert(one, 0)
    right = other if len(other.shape) > 1 else moves.insert(other, 1)
    rows, columns = call.contract(left, [-1]), call.contract(right, [-2])
    rank = max(len(left.shape), len(right.shape))
    batch = shape[: rank - 2] if len(shape) >= rank - 2 else ()
    full = (*batch, left.shape[-2], right.shape[-1])
    out = mixing.merge([rows, columns], full, call.cause, crossed=True)
    out = moves.broadcast(out, full)
    lost = [d for d, vector in ((rank - 2, len(one.shape) == 1), (rank - 1, len(other.shape) == 1)) if vector]
    return moves.drop(out, lost) if lost else out
