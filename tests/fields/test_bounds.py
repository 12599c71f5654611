"""What is too wide, or decided by values, is said to be so: a bound is never given out as a global fact."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own abbreviation

from .oracle import assert_exact, assert_inside, randn, watch

TARGET = torch.arange(36).remainder(4).view(1, 6, 6)
WEIGHT = torch.arange(1.0, 5.0, dtype=torch.float64)
BAGS = torch.tensor([[0, 1], [2, 2]])
Function = Callable[[Tensor], Tensor]


@pytest.mark.parametrize(
    "function",
    [
        lambda x: F.cross_entropy(F.max_pool2d(x, 3, 1, 1), TARGET, reduction="none"),
        lambda x: F.cross_entropy(x, TARGET, WEIGHT, reduction="none", label_smoothing=0.1),
        lambda x: F.cross_entropy(x.flatten(2)[0].T, TARGET.flatten(), reduction="none"),
        lambda x: F.cross_entropy(x[0, :, 1, 2], TARGET[0, 0, 3], reduction="none"),
        lambda x: F.nll_loss(x, TARGET, reduction="none"),
        lambda x: F.nll_loss(torch.ones(1, 4, 6, 6, dtype=x.dtype), TARGET, x[0, :, 1, 2], reduction="none"),
        lambda x: F.cross_entropy(x, TARGET, reduction="sum"),
    ],
    ids=["image", "weighted", "rows", "one row", "scores", "weights", "sum"],
)
def test_a_loss_without_reduction_is_of_its_own_position(function: Function) -> None:
    # A weight counts whole: which of its entries an element takes is decided by the target.
    x = randn(1, 4, 6, 6)
    assert_exact(function, x)


@pytest.mark.parametrize(
    ("function", "status"),
    [
        (lambda x: F.conv_transpose2d(x, x[:, :, :3, :3].transpose(0, 1)), "upper_bound"),
        (lambda x: F.conv_transpose2d(x.roll(1, 2), x[:, :, :2, :2].transpose(0, 1), stride=3), "upper_bound"),
        (lambda x: F.conv_transpose2d(x, torch.ones(4, 2, 3, 3).to(x), bias=x[0, :2, 0, 0]), "global"),
        (lambda x: F.embedding_bag(BAGS, x[0, 0]), "data_dependent"),
        (lambda x: F.embedding_bag(BAGS, x[0, 0], mode="max"), "data_dependent"),
        (lambda x: F.nll_loss(torch.cat([x[:, :2], x[:, 2:].flip(2)], 1), TARGET, reduction="none"), "data_dependent"),
        (lambda x: F.nll_loss(x[:, :3], TARGET % 3, x[0, 0, 2, :3], reduction="none"), "data_dependent"),
        (lambda x: x.tril().mean((2, 3)) + x.mean((2, 3)), "upper_bound"),
        (lambda x: (x * x.mean((2, 3), keepdim=True)).tril(), "global"),
    ],
    ids=["weight", "strided", "bias", "bag", "largest of bag", "channels", "weights", "bound before", "bound after"],
)
def test_what_is_too_wide_is_told_as_a_bound(function: Function, status: str) -> None:
    assert_inside(function, randn(1, 4, 6, 6), status)


def test_indices_of_several_bags_are_a_bound_and_those_of_one_bag_are_all_read() -> None:
    table = torch.randn(9, 3)
    for indices, status in ((torch.arange(6).view(1, 6), "global"), (torch.arange(6).view(2, 3), "upper_bound")):
        out, tracker = watch(lambda x: F.embedding_bag(x, table), indices, (1,))
        field = tracker.describe(out)
        assert field is not None
        assert (field.status, field.center) == (status, ((0, indices.shape[1] - 1),))


@pytest.mark.parametrize(
    ("function", "center"),
    [
        (lambda x: torch.bucketize(x, x[0, 0, :2].flatten().sort().values), ((0, 3), (0, 5))),
        (lambda x: torch.bucketize(torch.ones(1, 1, 6, 6).to(x), x[0, 0, 1]), ((1, 1), (0, 5))),
        (lambda x: torch.searchsorted(x.flip(2), x), ((2, 3), (0, 5))),
        (lambda x: torch.searchsorted(x[0, 0, 1], 0.5), ((1, 1), (0, 5))),
        (lambda x: torch.bucketize(x, torch.arange(4.0)), ((3, 3), (3, 3))),
        (lambda x: x.masked_fill(x[:, :, :1] > 0, x[0, 0, 1, 5]), ((0, 3), (3, 5))),
        (lambda x: x.masked_fill(x > 0, x[0, 0, 3, 3]), ((3, 3), (3, 3))),
    ],
    ids=["own", "constant", "rows", "one number", "constant bounds", "filled", "filled with its own"],
)
def test_what_elements_are_compared_with_counts(function: Function, center: tuple[tuple[int, int], ...]) -> None:
    out, tracker = watch(function, randn(1, 1, 6, 6))
    field = tracker.describe(out)
    assert field is not None
    assert field.center == center
    assert not tracker.unknown_ops


def test_a_tensor_without_elements_is_not_unknown() -> None:
    out, tracker = watch(torch.nn.AdaptiveAvgPool2d(0), randn(1, 1, 6, 6))
    assert (tracker.describe(out), tracker.unknown_ops) == (None, ())


def test_operators_that_give_numbers_to_python_are_not_unknown() -> None:
    def function(x: Tensor) -> Tensor:
        torch._assert_async((x == x).all())  # noqa: SLF001, PLR0124 - torch has no public name for it
        assert torch.equal(x, x)
        assert torch.allclose(x, x)
        return torch.linalg.inv(x) * float(x.sum())

    _, tracker = watch(function, randn(1, 1, 4, 4))
    assert not tracker.unknown_ops
