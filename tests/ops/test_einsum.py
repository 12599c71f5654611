"""Contractions that arrive whole cost what the products cost that torch makes of them."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from convinspect.ops import price

from .recording import call_of, total

aten = torch.ops.aten
SIZES = dict(zip("abcdeABC", (2, 3, 4, 5, 6, 1, 2, 3), strict=True))


def whole(equation: str, *tensors: torch.Tensor, path: list[int] | None = None) -> int | None:
    return price(call_of(aten.einsum.default, equation, list(tensors), path=path))


@pytest.mark.parametrize(
    ("equation", "expected"),
    [
        ("ab,bc->ac", 2 * 3 * 4),
        ("bac,bcd->bad", 3 * 2 * 4 * 5),
        ("ab,bc", 2 * 3 * 4),
        ("a,b->ab", 0),
        ("ab,ab->ab", 0),
        ("ab,ab->", 2 * 3),
        ("abc->a", 0),
        ("abc,bd->ad", 2 * 3 * 5),  # c stands on one side alone and is summed first
        ("...c,cd->...d", 3 * 2 * 4 * 5),
        ("...c,...c", 3 * 2 * 4),
        ("...,...", 0),
        ("aab,bc->ac", 2 * 3 * 4),
        ("aA,Ab->ab", 0),  # one term is no sum
        ("ea,bac,bc->be", 6 * 2 * 3 * 4 + 3 * 6 * 4),
        ("ab , bc -> ac", 2 * 3 * 4),
    ],
)
def test_an_equation_costs_its_pairwise_products(equation: str, expected: int) -> None:
    inputs, _, _ = equation.replace(" ", "").replace("...", "ba").partition("->")
    tensors = [torch.empty([SIZES[label] for label in term], device="meta") for term in inputs.split(",")]
    assert whole(equation, *tensors) == total(lambda: aten.einsum.default(equation, tensors)) == expected


terms = st.lists(st.sampled_from("abcdeAB"), min_size=0, max_size=4, unique=True).map("".join)


@given(inputs=st.lists(terms, min_size=1, max_size=4), data=st.data())
@settings(deadline=None)  # torch's first call of an operator is slow
def test_random_equations_cost_what_they_decompose_into(inputs: list[str], data: st.DataObject) -> None:
    labels = sorted(set("".join(inputs)))
    result = data.draw(st.lists(st.sampled_from(labels), unique=True)) if labels else []
    equation = f"{','.join(inputs)}->{''.join(result)}"
    tensors = [torch.empty([SIZES[label] for label in term], device="meta") for term in inputs]
    assert whole(equation, *tensors) == total(lambda: aten.einsum.default(equation, tensors))


def test_an_ellipsis_is_broadcast_from_the_right() -> None:
    left, right = torch.empty(4, 2, 3, 5, device="meta"), torch.empty(2, 5, 6, device="meta")
    equation = "...ab,...bc->...ac"
    assert whole(equation, left, right) == total(lambda: torch.einsum(equation, left, right)) == 4 * 2 * 3 * 5 * 6


def test_a_given_path_is_the_path_that_is_priced() -> None:
    a, b, c = (torch.empty(shape, device="meta") for shape in ((2, 9), (9, 9), (9, 3)))
    assert whole("ij,jk,kl->il", a, b, c) == 2 * 9 * 9 + 2 * 9 * 3
    assert whole("ij,jk,kl->il", a, b, c, path=[1, 2, 0, 1]) == 9 * 9 * 3 + 2 * 9 * 3
    assert whole("ij,jk,kl->il", a, b, c, path=[2, 1, 1, 0]) == 9 * 9 * 3 + 2 * 9 * 3


def test_sizes_of_one_are_broadcast_not_summed() -> None:
    row, matrix = torch.empty(1, 3, device="meta"), torch.empty(4, 3, device="meta")
    assert whole("ab,ab->a", row, matrix) == total(lambda: aten.einsum.default("ab,ab->a", [row, matrix])) == 4 * 3


@pytest.mark.parametrize("axes", [0, 1, 2])
def test_tensordot(axes: int) -> None:
    left, right = torch.empty(5, 3, 4, device="meta"), torch.empty(*[(6, 7), (4, 7), (3, 4)][axes], device="meta")
    first, second = list(range(3 - axes, 3)), list(range(axes))
    call = call_of(aten.tensordot.default, left, right, first, second)
    expected = {0: 0, 1: 5 * 3 * 4 * 7, 2: 5 * 3 * 4}[axes]
    assert price(call) == expected
    if axes:
        assert total(lambda: torch.tensordot(left, right, axes)) == expected


sizes = st.integers(1, 9)


@given(dims=st.lists(sizes, min_size=3, max_size=6), row=st.booleans(), column=st.booleans())
@settings(deadline=None)  # torch's first call of an operator is slow
def test_a_chain_of_matrices_is_multiplied_in_the_cheapest_order(
    dims: list[int],
    row: bool,  # noqa: FBT001 - a drawn value
    column: bool,  # noqa: FBT001
) -> None:
    matrices = [torch.ones(m, n) for m, n in pairwise(dims)]
    if row:
        matrices[0] = matrices[0][0]
    if column:
        matrices[-1] = matrices[-1][:, 0]
    expected = total(lambda: torch.linalg.multi_dot(matrices))
    assert price(call_of(aten.linalg_multi_dot.default, matrices)) == expected
