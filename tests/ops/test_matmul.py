"""Products of matrices: by hand, against torch's own counter, and by every operator that makes them."""

# ruff: noqa: SLF001, N812 - torch's kernels have private names; F is its custom

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from convinspect import inspect
from convinspect.ops import price

from .recording import call_of, fact, flop_counter_macs, op_call, record, total

aten = torch.ops.aten
sizes = st.integers(0, 5)


def meta(*shape: int) -> torch.Tensor:
    return torch.empty(shape, device="meta")


def test_a_linear_layer_multiplies_once_per_weight_and_row() -> None:
    layer = nn.Linear(320, 50, device="meta")
    assert total(lambda: layer(meta(7, 320))) == 7 * 320 * 50
    assert total(lambda: layer(meta(2, 3, 7, 320))) == (2 * 3 * 7) * 320 * 50


@given(batch=sizes, m=sizes, k=sizes, n=sizes)
@settings(deadline=None)  # torch's first call of an operator is slow
def test_random_products_agree_with_the_flop_counter(batch: int, m: int, k: int, n: int) -> None:
    products: list[Callable[[], Any]] = [
        lambda: torch.mm(meta(m, k), meta(k, n)),
        lambda: torch.addmm(meta(n), meta(m, k), meta(k, n), beta=2, alpha=3),
        lambda: torch.bmm(meta(batch, m, k), meta(batch, k, n)),
        lambda: torch.baddbmm(meta(m, n), meta(batch, m, k), meta(batch, k, n)),
        lambda: F.linear(meta(batch, m, k), meta(n, k), meta(n)),
        lambda: torch.matmul(meta(batch, 1, m, k), meta(3, k, n)),
    ]
    expected = [m * k * n, m * k * n, batch * m * k * n, batch * m * k * n, batch * m * k * n, 3 * batch * m * k * n]
    assert [total(run) for run in products] == [flop_counter_macs(run) for run in products] == expected


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ((4,), (4,), 4),
        ((3, 4), (4,), 3 * 4),
        ((4,), (4, 5), 4 * 5),
        ((3, 4), (4, 5), 3 * 4 * 5),
        ((2, 1, 3, 4), (6, 4, 5), 2 * 6 * 3 * 4 * 5),
        ((2, 3, 4), (4,), 2 * 3 * 4),
    ],
)
def test_matmul_of_any_ranks_whole_or_decomposed(left: tuple[int, ...], right: tuple[int, ...], expected: int) -> None:
    a, b = meta(*left), meta(*right)
    assert total(lambda: a @ b) == price(call_of(aten.matmul.default, a, b)) == expected


def test_linear_as_a_whole_costs_what_it_decomposes_into() -> None:
    assert price(call_of(aten.linear.default, meta(2, 3, 4), meta(5, 4))) == 2 * 3 * 4 * 5
    assert price(call_of(aten.linear.default, meta(2, 3, 4), meta(4))) == 2 * 3 * 4


def test_inner_product_of_stacks_of_rows() -> None:
    assert price(call_of(aten.inner.default, meta(2, 4), meta(3, 4))) == 2 * 3 * 4
    assert price(call_of(aten.inner.default, meta(2, 4), meta())) == 0


def test_products_with_vectors() -> None:
    assert price(call_of(aten.mv.default, meta(3, 4), meta(4))) == 3 * 4
    assert price(call_of(aten.addmv.default, meta(3), meta(3, 4), meta(4))) == 3 * 4
    assert price(call_of(aten.dot.default, meta(4), meta(4))) == 4
    assert price(call_of(aten.vdot.default, meta(4), meta(4))) == 4


def test_a_sum_of_batched_products_counts_every_batch() -> None:
    assert price(call_of(aten.addbmm.default, meta(3, 5), meta(2, 3, 4), meta(2, 4, 5))) == 2 * 3 * 4 * 5


def test_a_product_with_its_activation_fused() -> None:
    assert price(call_of(aten._addmm_activation.default, meta(5), meta(3, 4), meta(4, 5))) == 3 * 4 * 5


def test_outer_products_sum_nothing_however_they_are_called() -> None:
    a, b = meta(3), meta(4)
    for run in (
        lambda: torch.outer(a, b),
        lambda: torch.addr(meta(3, 4), a, b),
        lambda: torch.einsum("i,j->ij", a, b),
        lambda: torch.kron(a, b),
    ):
        assert total(run) == 0


def test_einsum_is_the_products_that_it_makes() -> None:
    assert total(lambda: torch.einsum("bhld,bhsd->bhls", meta(2, 3, 4, 5), meta(2, 3, 6, 5))) == 2 * 3 * 4 * 6 * 5
    assert total(lambda: torch.tensordot(meta(3, 4), meta(4, 5), 1)) == 3 * 4 * 5
    assert total(lambda: torch.linalg.multi_dot([meta(2, 9), meta(9, 3), meta(3, 4)])) == 2 * 9 * 3 + 2 * 3 * 4


def test_a_bilinear_layer_makes_two_products() -> None:
    layer = nn.Bilinear(3, 4, 5, device="meta")
    run = lambda: layer(meta(2, 7, 3), meta(2, 7, 4))  # noqa: E731 - one line, used twice
    rows = 2 * 7
    assert total(run) == rows * 5 * (3 * 4) + rows * 5 * 4
    whole = call_of(aten.bilinear.default, meta(2, 7, 3), meta(2, 7, 4), meta(5, 3, 4))
    assert price(whole) == total(run)


def test_a_bilinear_layer_costs_what_the_same_einsum_does() -> None:
    x1, weight, x2 = meta(2, 3), meta(5, 3, 4), meta(2, 4)
    assert total(lambda: F.bilinear(x1, x2, weight)) == total(lambda: torch.einsum("bi,oij,bj->bo", x1, weight, x2))


@pytest.mark.parametrize("power", [2.0, 1.0, 0.0, float("inf"), 3.0])
def test_distances_sum_no_products(power: float) -> None:
    assert total(lambda: torch.cdist(meta(7, 3), meta(8, 3), p=power)) == 0
    assert total(lambda: torch.cdist(meta(70, 3), meta(80, 3), p=power)) == 0


@pytest.mark.parametrize(("left", "b"), [(True, (2, 6, 4)), (False, (2, 4, 6))])
def test_a_triangular_system_costs_half_a_product(*, left: bool, b: tuple[int, ...]) -> None:
    assert (
        total(lambda: torch.linalg.solve_triangular(meta(6, 6), meta(*b), upper=True, left=left)) == 2 * 6 * 6 * 4 // 2
    )


def test_a_weighted_bag_of_embeddings_multiplies_and_a_plain_one_does_not() -> None:
    table, indices = torch.ones(10, 4), torch.zeros(2, 3, dtype=torch.long)
    assert total(lambda: F.embedding_bag(indices, table, mode="sum")) == 0
    weights = torch.ones(2, 3)
    weighted = lambda **options: F.embedding_bag(  # noqa: E731 - one line, used twice
        indices, table, mode="sum", per_sample_weights=weights, **options
    )
    assert total(weighted) == 2 * 3 * 4
    assert None in [price(call) for call in record(lambda: weighted(padding_idx=0))]


def test_integer_and_eight_bit_products() -> None:
    a, b = (torch.ones(32, 32, dtype=torch.int8, device="meta") for _ in range(2))
    assert price(call_of(aten._int_mm.default, a, b)) == 32**3
    a, b = (torch.empty(32, 32, dtype=torch.float8_e4m3fn, device="meta") for _ in range(2))
    scale = torch.ones((), device="meta")
    assert price(call_of(aten._scaled_mm.default, a, b.t(), scale, scale, out_dtype=torch.bfloat16)) == 32**3


def test_weights_packed_to_four_bits_cost_what_they_stand_for() -> None:
    x, scales = fact(3, 64), fact(1, 16, 2)
    packed = fact(2, 1, 32, 4, dtype="int32")
    call = op_call("aten._weight_int4pack_mm.default", fact(3, 16), self=x, mat2=packed, qScaleAndZeros=scales)
    assert price(call) == 3 * 64 * 16


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ((9, 4), (3, 4, 5), 9 * 4 * 5),
        ((3, 9, 4), (4, 6), 9 * 4 * 6),
        ((9, 8), (8, 6), 9 * 8 * 6),
        ((3, 9, 4), (3, 4, 5), 3 * 9 * 4 * 5),
    ],
)
def test_grouped_products(left: tuple[int, ...], right: tuple[int, ...], expected: int) -> None:
    assert price(op_call("aten._grouped_mm.default", fact(1), self=fact(*left), mat2=fact(*right))) == expected


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_a_quantised_linear_layer_is_priced_through_its_packed_weight() -> None:
    layer = torch.ao.nn.quantized.dynamic.Linear(3, 4)
    assert total(lambda: layer(torch.ones(2, 3))) == 2 * 3 * 4


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_quantised_convolutions_are_priced_by_their_packed_kernels() -> None:
    quantised = torch.ao.nn.quantized
    x = torch.quantize_per_tensor(torch.ones(1, 4, 6, 5), 1.0, 0, torch.quint8)
    cases = [
        (quantised.Conv2d(4, 6, 3, groups=2), x, (6 * 4 * 3) * (2 * 9)),
        (quantised.Conv1d(4, 6, 3), x[:, :, 0], (6 * 3) * (4 * 3)),
        (torch.ao.nn.intrinsic.quantized.ConvReLU2d(4, 6, 1), x, (6 * 30) * 4),
    ]
    for layer, image, macs in cases:
        report = inspect(torch.nn.Sequential(layer), (image,), optimizer=None)
        assert (report.totals.macs, report.totals.macs_status) == (macs, "exact"), layer


def _sparse(layout: str) -> torch.Tensor:
    dense = torch.zeros(8, 6)
    dense[::2, 1] = dense[3, ::3] = 1.0
    made: torch.Tensor = getattr(dense, f"to_sparse{layout}")(*([(2, 2)] if layout == "_bsr" else []))
    return made


@pytest.mark.filterwarnings("ignore:Sparse")
@pytest.mark.parametrize("layout", ["", "_csr", "_csc", "_bsr"])
def test_a_product_with_a_sparse_matrix_multiplies_what_that_stores(layout: str) -> None:
    a, tall, wide = _sparse(layout), torch.ones(6, 5), torch.ones(3, 8)
    stored = a.coalesce().values().numel() if not layout else a.values().numel()
    assert stored >= 6
    assert stored == 6 or layout == "_bsr"
    runs: dict[str, tuple[Callable[[], torch.Tensor], int]] = {
        "a @ dense": (lambda: a @ tall, stored * 5),
        "sparse.mm": (lambda: torch.sparse.mm(a, tall), stored * 5),
        "a @ vector": (lambda: a @ tall[:, 0], stored),
        "dense @ a": (lambda: wide @ a, stored * 3),
        "addmm": (lambda: torch.sparse.addmm(torch.ones(8, 5), a, tall), stored * 5),
    }
    ran = 0
    for name, (run, macs) in runs.items():
        try:
            calls = record(run)
        except RuntimeError:  # torch has no such product for this layout
            continue
        ran += 1
        assert sum(price(call) or 0 for call in calls) == macs, name
        assert None not in [price(call) for call in calls], name
    assert ran >= 2


@pytest.mark.filterwarnings("ignore:Sparse")
def test_what_two_sparse_matrices_cost_or_one_with_doubles_is_unknown_not_dense() -> None:
    a = _sparse("")
    double = torch.sparse_coo_tensor([[0, 0], [1, 1]], [1.0, 2.0], (8, 6), check_invariants=False)
    for run in (lambda: a @ a.t(), lambda: double @ torch.ones(6, 5)):
        assert None in [price(call) for call in record(run)]


@pytest.mark.parametrize("device", [None, "meta"])
def test_a_graph_convolution_is_exact(device: str | None) -> None:
    class Graph(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("adjacency", _sparse("").coalesce())
            self.layer = torch.nn.Linear(16, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.spmm(self.adjacency, self.layer(x))

    report = inspect(Graph(), torch.ones(6, 16), device=device)
    assert (report.totals.macs, report.totals.macs_status) == (6 * 16 * 4 + 6 * 4, "exact")
    assert report.totals.memory.training is not None
