"""Writes at places that a tensor names: exact where it is a constant; otherwise what is written can end up anywhere."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from .oracle import assert_exact, assert_inside, randn, watch

SOURCES: dict[str, Callable[[Tensor], Tensor]] = {
    "itself": lambda x: x,
    "pointwise": lambda x: x + 1,
    "moved": lambda x: x.roll(3, 2),
}


def put(x: Tensor, y: Tensor, rows: Tensor) -> Tensor:
    out = x.clone()
    out[:, :, rows] = y
    return out


def along(rows: Tensor) -> Tensor:
    return rows.view(1, 1, -1, 1).expand(1, 1, -1, 8)


# Of rows, of what is there, of what is written and of where.
WRITES: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "scatter": lambda x, y, rows: x.scatter(2, along(rows), y),
    "scatter of a value": lambda x, y, rows: (x + y).scatter(2, along(rows), 2.0),
    "scatter_add": lambda x, y, rows: x.scatter_add(2, along(rows), y),
    "scatter_reduce": lambda x, y, rows: x.scatter_reduce(2, along(rows), y, "amax"),
    "scatter_reduce over": lambda x, y, rows: x.scatter_reduce(2, along(rows), y, "sum", include_self=False),
    "index_add": lambda x, y, rows: x.index_add(2, rows, y[:, :, : len(rows)]),
    "index_copy": lambda x, y, rows: x.index_copy(2, rows, y[:, :, : len(rows)]),
    "index_fill": lambda x, y, rows: (x + y).index_fill(2, rows, 2.0),
    "index_reduce": lambda x, y, rows: x.index_reduce(2, rows, y[:, :, : len(rows)], "prod"),
    "index_put": lambda x, y, rows: put(x, y[:, :, : len(rows)], rows),
    "index_put of one": lambda x, y, rows: put(x, y[:, :, :1], rows),
    "accumulate": lambda x, y, rows: x.index_put(
        (torch.tensor([0]), torch.tensor([0]), rows), y[0, 0, : len(rows)], accumulate=True
    ),
    "in place": lambda x, y, rows: (x * 1).scatter_add_(2, along(rows), y),
}
CONSTANTS = {
    "all": torch.arange(8).flip(0),
    "some": torch.tensor([5, 0, 6]),
    "in a row": torch.tensor([2, 3, 4]),
    "one": torch.tensor([-1]),
}
BY_NUMBER = ("index_put", "index_put of one")


@pytest.mark.parametrize("rows", CONSTANTS)
@pytest.mark.parametrize("write", [name for name in WRITES if name != "accumulate"])
@pytest.mark.filterwarnings("ignore:index_reduce:UserWarning")
def test_what_is_written_to_constant_places_is_exact(write: str, rows: str) -> None:
    places = CONSTANTS[rows] if write in BY_NUMBER else CONSTANTS[rows] % 8
    assert_exact(lambda x: WRITES[write](x, x.roll(3, 2), places), randn(1, 1, 8, 8))


def test_into_what_is_constant_and_by_a_mask() -> None:
    mask = torch.tensor([True, False] * 4)
    assert_exact(lambda x: put(torch.zeros_like(x), x[:, :, :4], mask), randn(1, 1, 8, 8))
    report = assert_exact(
        lambda x: torch.zeros_like(x).index_copy(2, torch.arange(2, 6), x[:, :, :4]), randn(1, 1, 8, 8)
    )
    assert report is not None


def test_slices_that_are_written_are_exact() -> None:
    assert_exact(lambda x: torch.slice_scatter(x, x[:, :, 4:], 2, 1, 5), randn(1, 1, 8, 8))
    assert_exact(lambda x: torch.slice_scatter(x, x[:, :, 4:], 2, 0, 8, 2), randn(1, 1, 8, 8))
    assert_exact(lambda x: torch.select_scatter(x, x[:, :, 4], 2, 1), randn(1, 1, 8, 8))


@pytest.mark.parametrize("write", ["scatter", "scatter_add"])
def test_along_other_dimensions_nothing_moves(write: str) -> None:
    """Rows change places; every column stays by itself."""

    def function(x: Tensor) -> Tensor:
        return WRITES[write](torch.zeros_like(x), x, x.sum((0, 1, 3)).argsort())

    out, tracker = watch(function, randn(1, 1, 8, 8))
    field = tracker.describe(out)
    assert field is not None
    assert field.center == ((0, 7), (0, 7))
    out, tracker = watch(lambda x: WRITES[write](torch.zeros_like(x), x, torch.randperm(8)), randn(1, 1, 8, 8))
    field = tracker.describe(out)
    assert field is not None
    assert field.center == ((0, 7), (4, 4))


@pytest.mark.parametrize("source", list(SOURCES))
@pytest.mark.parametrize("write", [*WRITES, "masked_scatter", "put"])
@pytest.mark.filterwarnings("ignore:index_reduce:UserWarning")
def test_what_is_written_is_inside_what_is_claimed(write: str, source: str) -> None:
    def function(x: Tensor) -> Tensor:
        y = SOURCES[source](x)
        if write == "masked_scatter":
            return x.masked_scatter(torch.ones(8, 8).tril().bool(), y)
        if write == "put":
            return x.put(torch.arange(64).flip(0).view(1, 1, 8, 8), y)
        return WRITES[write](x, y, torch.randperm(8))

    assert_inside(function, randn(1, 1, 8, 8), "data_dependent")
