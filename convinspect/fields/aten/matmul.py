"""Products: hull over what is contracted, crossed over what is not."""

from __future__ import annotations

from math import prod

from convinspect.fields.hulls.arrays import Shape
from convinspect.fields.operations.field import Field, collapse
from convinspect.fields.operations.merging import cross
from convinspect.fields.operations.moves import broadcast, drop, insert, permute, raise_rank, reshape
from convinspect.fields.rules import INPUTS, Call, Result, aten, named, rf_rule

COMPONENTS = 3  # of a vector that has a cross product


@rf_rule(*aten("mm bmm matmul mv dot vdot _int_mm linalg_matmul"), "quantized::matmul")
def product(call: Call) -> Result:
    """``self @ other``."""
    other = next(name for name in ("mat2", "other", "vec", "tensor", "qb") if name in call.args)
    return _multiply(call, call.input, call[other], call.shape)


@rf_rule(*aten("_scaled_mm _scaled_mm_v2"))
def scaled_product(call: Call) -> Result:
    """``(self * scale_a) @ (mat2 * scale_b) + bias``; scales of parts of a row count whole."""
    out = _multiply(call, call["self"], call["mat2"], call.shape)
    rows = [
        call.contract(scale, [-1]) if _is_by(scale, 0, call) else call.whole(scale) for scale in call.fields("scale_a")
    ]
    columns = [
        call.contract(scale, [0]) if _is_by(scale, 1, call) else call.whole(scale) for scale in call.fields("scale_b")
    ]
    return cross(
        [out, *rows, *columns, *call.fields("bias"), *map(call.whole, call.fields("scale_result"))], call.shape
    )


def _is_by(scale: Field, dim: int, call: Call) -> bool:
    """Tell a matrix of scales with one row (or column) for each of the product's."""
    return scale.rank == len(call.shape) and scale.shape[dim] == call.shape[dim]


@rf_rule(*aten("inner tensordot"))
def contracted(call: Call) -> Result:
    """What is left of one tensor, then what is left of the other."""
    one, other = call["self"], call["other"]
    if not (one.shape and other.shape):
        return call.merge([one, other])
    gone = [
        [dim % field.rank for dim in call.get(name, [-1])]
        for field, name in ((one, "dims_self"), (other, "dims_other"))
    ]
    for field, dims in zip((one, other), gone, strict=True):
        for dim in dims:
            call.candidates.features(field, dim)
    one, other = (drop(call.contract(field, dims), dims) for field, dims in zip((one, other), gone, strict=True))
    for _ in range(other.rank):
        one = insert(one, one.rank)
    return broadcast(cross([one, other], call.shape), call.shape)


@rf_rule(*aten("linalg_multi_dot chain_matmul"))
def chain(call: Call) -> Result:
    """One product after the other, in whichever order."""
    tensors = call.args["tensors" if "tensors" in call.args else "matrices"]
    out = call.field(tensors[0])
    for tensor in tensors[1:]:
        out = _multiply(call, out, call.field(tensor), (*out.shape[:-1], *tensor.shape[1:]))
    return out


@rf_rule("aten::linalg_solve_triangular")
def solve(call: Call) -> Result:
    """Whole columns (or rows) of the right side, and all of the matrix, as a bound: it is triangular."""
    right = call.contract(call["B"], [-2 if call.get("left", True) else -1])
    matrix = call.contract(call["self"], [-2, -1])
    return broadcast(cross([right, matrix], call.shape), call.shape).marked(upper_bound=call.cause)


@rf_rule(*aten("addmm _sparse_addmm baddbmm addmv addbmm _addmm_activation"))
def add_product(call: Call) -> Result:
    """``self + one @ other``."""
    one = call[next(name for name in ("mat1", "batch1", "mat") if name in call.args)]
    other = call[next(name for name in ("mat2", "batch2", "vec") if name in call.args)]
    if call.op.startswith("aten.addbmm"):
        one = reshape(permute(one, [1, 0, 2]), (one.shape[1], one.shape[0] * one.shape[2]))
        other = reshape(other, (prod(other.shape[:2]), other.shape[2]))
    return call.merge([_multiply(call, one, other, call.shape), call["self"]])


@rf_rule(
    *aten(
        "_weight_int8pack_mm _weight_int4pack_mm _weight_int4pack_mm_for_cpu "
        "_weight_int4pack_mm_with_scales_and_zeros _dyn_quant_matmul_4bit _mixed_dtypes_linear"
    ),
    "mkldnn::_linear_pointwise",
    "onednn::qlinear_pointwise",
    *named(
        "quantized",
        "linear linear_relu linear_leaky_relu linear_tanh linear_dynamic linear_relu_dynamic linear_dynamic_fp16 "
        "linear_relu_dynamic_fp16",
    ),
)
def packed_linear(call: Call) -> Result:
    """All features of a row, with weights in a form of their own; a dynamic one scales by all of its input."""
    x = call.input
    call.candidates.features(x, -1)
    if call.op.split(".")[1].endswith("_dynamic"):
        x = call.contract(x, range(x.rank), keeps_own=True)
    weights = call.fields(*(name for name in call.args if name not in (*INPUTS, "other")))
    parts = [call.mix(x, [-1]), *call.fields("other"), *(call.whole(w).marked(upper_bound=call.cause) for w in weights)]
    return call.merge(parts)


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
        for dim in call.args["sumdim"]:
            call.candidates.features(field, dim)
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


@rf_rule(*aten("linalg_cross cross"))
def cross_product(call: Call) -> Result:
    """Each component, by the two others of both vectors: a bound where components see different things."""
    dim = call.args.get("dim")
    dim = call.shape.index(COMPONENTS) if dim is None else dim % len(call.shape)
    fields = [raise_rank(field, len(call.shape)) for field in call.fields()]
    for field in fields:
        call.candidates.features(field, dim)
    out = call.merge([call.mix(field, [dim]) for field in fields])
    return out.marked(upper_bound=call.cause) if any(field.varies(dim) for field in fields) else out


@rf_rule(*aten("_grouped_mm _scaled_grouped_mm _scaled_grouped_mm_v2"))
def grouped_product(call: Call) -> Result:
    """Rows of ``self``, each with the matrix of its group, or matrix by matrix; which is which, the offsets say."""
    one, other = call["self"], call["mat2"]
    if one.rank == other.rank and call.args.get("offs") is None:
        parts = [call.mix(one, [-1]), call.mix(other, [-2])]
    else:
        rows = call.mix(one, [-1]) if one.rank < other.rank else call.whole(one).marked(data_dependent=call.cause)
        parts = [rows, call.whole(other).marked(data_dependent=call.cause)]
    others = call.fields("offs", "bias", "scale_a", "scale_b", "scale_result")
    return call.merge([part for part in parts if not part.is_nothing] + [call.whole(field) for field in others])


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
