"""Products of matrices, plain, scaled, grouped and with packed weights."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own abbreviation

from tests.fields.oracle import randn

from .calls import Arguments, Case, Plain, as_input

ROWS, MATRIX, VECTOR = randn(5, 4), randn(4, 3), randn(4)
OFFSETS = torch.tensor([2, 5], dtype=torch.int32)


def scaled(plain: Plain) -> Plain:
    """Scale by the range of all of the input, as dynamic quantisation does."""
    return lambda x: plain(x * x.abs().max())


def by_group(x: Tensor) -> Tensor:
    weights = randn(2, 4, 3)
    return torch.cat([x[:2] @ weights[0], x[2:] @ weights[1]])


def weighing(x: Tensor) -> dict[str, Any]:
    other = {"mat2": MATRIX, "other": MATRIX, "qb": MATRIX, "weight": MATRIX.T, "W": MATRIX.T}
    scales = {"scale_a": randn(5, 1), "scale_b": randn(1, 3), "scale": randn(3), "qScaleAndZeros": randn(1, 3, 2)}
    return {**as_input(x), **other, **scales, "mat1": x, "packed_weights": MATRIX, "qw": MATRIX}


def added(**operands: str) -> Arguments:
    """A product that is added to a constant: operands by name, ``x`` or a constant."""
    fixed = {
        "matrix": MATRIX,
        "matrices": randn(2, 4, 3),
        "vector": VECTOR,
        "nothing": torch.zeros((), dtype=torch.float64),
    }
    return lambda x: {name: x if kind == "x" else fixed[kind] for name, kind in operands.items()}


def quantised(names: str) -> str:
    return " ".join(f"quantized.{name}" for name in names.split())


LINEAR = "linear linear_relu linear_leaky_relu linear_tanh linear_dynamic_fp16 linear_relu_dynamic_fp16"
INT4 = (
    "_weight_int4pack_mm _weight_int4pack_mm_for_cpu _weight_int4pack_mm_with_scales_and_zeros _dyn_quant_matmul_4bit"
)
PLAIN = (
    "mm _int_mm _scaled_mm matmul linalg_matmul quantized.matmul linear mkldnn_linear mkldnn._linear_pointwise "
    "_weight_int8pack_mm _mixed_dtypes_linear onednn.qlinear_pointwise"
)
CASES = [
    Case(
        f"{PLAIN} {INT4} {quantised(LINEAR)}",
        ROWS,
        (0, 1),
        lambda x: x @ MATRIX,
        weighing,
    ),
    Case(quantised("linear_dynamic linear_relu_dynamic"), ROWS, (0, 1), scaled(lambda x: x @ MATRIX), as_input),
    Case(
        "_scaled_mm_v2",
        ROWS,
        (0, 1),
        lambda x: x @ MATRIX,
        lambda x: {"self": x, "mat2": MATRIX, "scale_a": [randn(5, 1)], "scale_b": [randn(1, 3)]},
    ),
    Case("_scaled_mm", randn(5, 1), (0,), lambda x: (ROWS * x) @ MATRIX, lambda x: {**weighing(ROWS), "scale_a": x}),
    Case(
        "addmm _addmm_activation _sparse_addmm",
        ROWS,
        (0, 1),
        lambda x: x @ MATRIX,
        added(self="nothing", mat1="x", mat2="matrix"),
    ),
    Case(
        "addmm _addmm_activation _sparse_addmm",
        randn(5, 3),
        (0, 1),
        lambda x: x + 1,
        lambda x: {"self": x, "mat1": ROWS, "mat2": MATRIX},
    ),
    Case(
        "bmm baddbmm",
        randn(2, 5, 4),
        (0, 1, 2),
        lambda x: x @ randn(2, 4, 3),
        added(self="x", mat2="matrices", batch1="x", batch2="matrices"),
    ),
    Case(
        "addbmm",
        randn(2, 5, 4),
        (0, 1, 2),
        lambda x: (x @ randn(2, 4, 3)).sum(0),
        added(self="nothing", batch1="x", batch2="matrices"),
    ),
    Case("mv", ROWS, (0, 1), lambda x: x @ VECTOR, added(self="x", vec="vector")),
    Case("addmv", ROWS, (0, 1), lambda x: x @ VECTOR, added(self="nothing", mat="x", vec="vector")),
    Case("dot vdot", randn(4), (0,), lambda x: x @ VECTOR, added(self="x", tensor="vector", other="vector")),
    Case(
        "inner",
        randn(2, 5, 4),
        (0, 1, 2),
        lambda x: torch.inner(x, randn(3, 4)),
        lambda x: {"self": x, "other": randn(3, 4)},
    ),
    Case(
        "inner",
        randn(5, 4),
        (0, 1),
        lambda x: torch.inner(randn(2, 3, 4), x),
        lambda x: {"self": randn(2, 3, 4), "other": x},
    ),
    Case(
        "tensordot",
        randn(3, 5, 4),
        (0, 1, 2),
        lambda x: torch.tensordot(x, randn(4, 6, 3), ([2, 0], [0, 2])),
        lambda x: {"self": x, "other": randn(4, 6, 3), "dims_self": [2, 0], "dims_other": [0, 2]},
    ),
    Case(
        "linalg_multi_dot chain_matmul",
        ROWS,
        (0, 1),
        lambda x: x @ MATRIX @ randn(3, 2),
        lambda x: {"tensors": [x, MATRIX, randn(3, 2)], "matrices": [x, MATRIX, randn(3, 2)]},
    ),
    Case(
        "einsum",
        ROWS,
        (0, 1),
        lambda x: x @ MATRIX,
        lambda x: {"equation": "ij,jk->ik", "tensors": [x, MATRIX]},
        "upper_bound",
    ),
    Case(
        "_grouped_mm _scaled_grouped_mm",
        ROWS,
        (0, 1),
        by_group,
        lambda x: {"self": x, "mat2": randn(2, 4, 3), "offs": OFFSETS},
    ),
    Case(
        "_grouped_mm _scaled_grouped_mm",
        randn(2, 5, 4),
        (0, 1, 2),
        lambda x: x @ randn(2, 4, 3),
        lambda x: {"self": x, "mat2": randn(2, 4, 3)},
    ),
    Case(
        "_grouped_mm _scaled_grouped_mm",
        randn(2, 4, 3),
        (0, 1, 2),
        lambda x: torch.cat([ROWS[:2] @ x[0], ROWS[2:] @ x[1]]),
        lambda x: {"self": ROWS, "mat2": x, "offs": OFFSETS},
        "data_dependent",
    ),
    Case(
        "_grouped_mm _scaled_grouped_mm",
        ROWS.T.clone(),
        (0, 1),
        lambda x: torch.stack([x[:, :2] @ randn(2, 3), x[:, 2:] @ randn(3, 3)]),
        lambda x: {"self": x, "mat2": randn(5, 3), "offs": OFFSETS},
        "data_dependent",
    ),
    Case(
        "_scaled_grouped_mm_v2",
        ROWS,
        (0, 1),
        by_group,
        lambda x: {"self": x, "mat2": randn(2, 4, 3), "offs": OFFSETS, "scale_a": [randn(5)], "scale_b": [randn(2, 3)]},
    ),
    Case(
        "bilinear",
        ROWS,
        (0, 1),
        lambda x: F.bilinear(x, randn(5, 3), randn(6, 4, 3)),
        lambda x: {"input1": x, "input2": randn(5, 3), "weight": randn(6, 4, 3)},
    ),
    Case(
        "_trilinear",
        ROWS,
        (0, 1),
        lambda x: F.bilinear(x, randn(5, 3), randn(6, 4, 3)),
        lambda x: {
            "i1": x,
            "i2": randn(6, 4, 3),
            "i3": randn(5, 3),
            "expand1": [1, 3],
            "expand2": [0],
            "expand3": [1, 2],
            "sumdim": [2, 3],
        },
    ),
    Case(
        "linalg_solve_triangular",
        randn(4, 3),
        (0, 1),
        lambda x: torch.linalg.solve_triangular(torch.eye(4, dtype=x.dtype), x, upper=False),
        lambda x: {"self": torch.eye(4, dtype=x.dtype), "B": x, "left": True},
        "upper_bound",
    ),
]
