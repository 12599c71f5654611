"""What products of matrices cost: rows times columns times what is summed between them."""

from __future__ import annotations

from math import prod

from convinspect.ops.arguments import NotGivenError, numbers, output, shape
from convinspect.ops.operators import Operator, priced
from convinspect.records import Attributes, OpCall


def _linear(call: OpCall) -> str | None:
    return "linear" if call.args.get("beta", 1) == call.args.get("alpha", 1) == 1 else None


def _of_product(call: OpCall) -> Attributes:
    """Read the features of ``x @ W`` off the two matrices; a bias is a vector that is added as it is."""
    added = call.args.get("self") if "mat1" in call.args else None
    if added is not None and (_linear(call) is None or len(shape(call, "self")) != 1):
        raise NotGivenError(call.op)
    rows, columns = shape(call, "mat1", "self"), shape(call, "mat2")
    return Attributes(in_features=rows[-1], out_features=columns[-1], bias=added is not None)


def _of_linear(call: OpCall) -> Attributes:
    bias = next((call.args[name] for name in ("bias", "B", "b") if name in call.args), None)
    features = shape(call, "input", "self", "X", "inp", "qx")[-1]
    return Attributes(in_features=features, out_features=output(call)[-1], bias=bias is not None)


@priced("bmm=matmul baddbmm addbmm _int_mm _scaled_mm")
@priced("mm=matmul _addmm_activation=linear", Operator(attributes=_of_product))
@priced("addmm", Operator(named=_linear, attributes=_of_product))
def matrix_product_macs(call: OpCall) -> int:
    """Price ``a @ b``: a ``(*batch, M, K)``, b ``(*batch, K, N)``, ``batch*M*K*N`` MACs.

    What is added to the product, and the scalars alpha and beta, are not counted. Source: torch.addmm.
    """
    left, right = shape(call, "mat1", "batch1", "self"), shape(call, "mat2", "batch2")
    return prod(left) * right[-1]


@priced("mv addmv dot vdot")
def vector_product_macs(call: OpCall) -> int:
    """Price a product with one vector: every element of the left side is multiplied once. Source: torch.mv."""
    return prod(shape(call, "mat", "self"))


@priced(
    """
    linear mkldnn_linear _scaled_mm_v2 _weight_int8pack_mm _weight_int4pack_mm _weight_int4pack_mm_for_cpu
    _weight_int4pack_mm_with_scales_and_zeros _dyn_quant_matmul_4bit _mixed_dtypes_linear
    """,
    Operator(attributes=_of_linear),
)
@priced("_linear_pointwise", Operator(attributes=_of_linear), prefix="mkldnn.")
@priced("qlinear_pointwise", prefix="onednn.")
@priced(
    """
    linear linear_relu linear_leaky_relu linear_tanh linear_dynamic linear_relu_dynamic linear_dynamic_fp16
    linear_relu_dynamic_fp16
    """,
    prefix="quantized.",
)
def linear_macs(call: OpCall) -> int:
    """Price ``x @ W.T + b``: x ``(..., K)``, output ``(..., N)``, ``out_elements * K`` MACs.

    The weight's own shape is not needed, and where it is packed it says nothing. The bias is not counted.
    """
    return prod(output(call)) * shape(call, "input", "self", "X", "inp", "qx")[-1]


@priced("matmul linalg_matmul inner")
@priced("matmul", prefix="quantized.")
def matmul_macs(call: OpCall) -> int:
    """Price ``a @ b`` of any ranks, batches broadcast: ``out_elements * K`` MACs, K being the last of ``a``.

    A scalar on either side of torch.inner multiplies element by element, which is not a MAC.
    """
    left, right = shape(call, "self", "qa"), shape(call, "other", "qb")
    return prod(output(call)) * left[-1] if left and right else 0


@priced("_grouped_mm _scaled_grouped_mm _scaled_grouped_mm_v2")
def grouped_product_macs(call: OpCall) -> int:
    """Price several products of unequal sizes in one call; the groups share rows, columns or the summed axis.

    a ``(M, K)`` with b ``(groups, K, N)`` splits the rows, a ``(groups, M, K)`` with b ``(K, N)`` the
    columns, both flat the summed axis: ``M*K*N`` MACs each. Both stacked: ``groups*M*K*N``. What lies past the
    last offset counts as well, as masked positions of attention do. Source: torch.nn.functional.grouped_mm.
    """
    left, right = shape(call, "self"), shape(call, "mat2")
    rows, inner = left[-2:]
    stacked = len(left) == len(right) == 3  # noqa: PLR2004  # (groups, rows, columns)
    return (left[0] if stacked else 1) * rows * inner * right[-1]


@priced("_trilinear=bilinear")
def trilinear_macs(call: OpCall) -> int:
    """Price ``sum(i1 * i2 * i3)``, as torch.nn.Bilinear has it: two products, one after the other, as torch runs it.

    First i1 with i2, summed over what i3 does not have; then the result with i3. Bilinear, ``y = x1 @ W @ x2``
    with W ``(out, in1, in2)``, costs ``batch * out * in2 * (in1 + 1)`` MACs. Source: torch's _trilinear.
    """
    missing = [set(numbers(call, f"expand{n}")) for n in (1, 2, 3)]
    summed = set(numbers(call, "sumdim"))
    sizes: dict[int, int] = {}
    for factor, absent in zip(("i1", "i2", "i3"), missing, strict=True):
        dimensions = shape(call, factor)
        present = [axis for axis in range(len(dimensions) + len(absent)) if axis not in absent]
        for axis, size in zip(present, dimensions, strict=True):
            sizes[axis] = max(size, sizes.get(axis, size))
    axes = set(sizes)
    first_product = axes - (missing[0] & missing[1])
    left_over = first_product - (summed & missing[2])
    second_product = left_over | (axes - missing[2])
    return prod(sizes[axis] for axis in first_product) + prod(sizes[axis] for axis in second_product)


@priced("bilinear")
def bilinear_macs(call: OpCall) -> int:
    """Price torch.nn.Bilinear where it arrives whole: ``out_elements * in2 * (in1 + 1)`` MACs, as `trilinear_macs`."""
    _, in1, in2 = shape(call, "weight")
    return prod(output(call)) * in2 * (in1 + 1)


@priced("linalg_solve_triangular")
def triangular_solve_macs(call: OpCall) -> int:
    """Price ``A^-1 B`` of a triangular A ``(*batch, n, n)``: ``n * out_elements / 2``, half of a product with it.

    Each row is the right side less a product with the rows before it; the divisions are not counted.
    """
    return prod(output(call)) * shape(call, "self")[-1] // 2
