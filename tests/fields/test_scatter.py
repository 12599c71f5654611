"""Writes at places that a tensor names: whatever is written can end up anywhere."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from .oracle import assert_inside, randn, watch

ROWS = torch.arange(8).flip(0)
PLACES = ROWS.view(1, 1, 8, 1).expand(1, 1, 8, 8)
SOURCES: dict[str, Callable[[Tensor], Tensor]] = {
    "itself": lambda x: x,
    "pointwise": lambda x: x + 1,
    "moved": lambda x: x.roll(3, 2),
}


def put_rows(x: Tensor, y: Tensor) -> Tensor:
    out = x.clone()
    out[:, :, ROWS] = y
    return out


WRITES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "scatter": lambda x, y: x.scatter(2, PLACES, y),
    "scatter_add": lambda x, y: x.scatter_add(2, PLACES, y),
    "scatter_reduce": lambda x, y: x.scatter_reduce(2, PLACES, y, "amax"),
    "index_add": lambda x, y: x.index_add(2, ROWS, y),
    "index_copy": lambda x, y: x.index_copy(2, ROWS, y),
    "index_reduce": lambda x, y: x.index_reduce(2, ROWS, y, "prod"),
    "index_put": put_rows,
    "masked_scatter": lambda x, y: x.masked_scatter(torch.ones(8, 8).tril().bool(), y),
    "put": lambda x, y: x.put(torch.arange(64).flip(0).view(1, 1, 8, 8), y),
    "in place": lambda x, y: (x * 1).scatter_add_(2, PLACES, y),
}


@pytest.mark.parametrize("write", ["scatter", "scatter_add"])
def test_along_other_dimensions_nothing_moves(write: str) -> None:
    """Rows change places; every column stays by itself."""
    out, tracker = watch(lambda x: WRITES[write](torch.zeros_like(x), x), randn(1, 1, 8, 8))
    field = tracker.describe(out)
    assert field is not None
    assert field.center == ((0, 7), (4, 4))


@pytest.mark.parametrize("source", list(SOURCES))
@pytest.mark.parametrize("write", list(WRITES))
@pytest.mark.filterwarnings("ignore:index_reduce:UserWarning")
def test_what_is_written_is_inside_what_is_claimed(write: str, source: str) -> None:
    def function(x: Tensor) -> Tensor:
        return WRITES[write](x, SOURCES[source](x))

    assert_inside(function, randn(1, 1, 8, 8), "data_dependent")
