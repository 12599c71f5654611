"""Operators that arrive whole, as they do under inference_mode, have the fields of what they are made of."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F  # noqa: N812 - torch's own abbreviation

from .oracle import claimed, randn, true_hulls, watch

FUNCTIONS = {
    "view_as": lambda x: x.view_as(torch.zeros(1, 2, 30)),
    "reshape_as": lambda x: x.transpose(2, 3).reshape_as(torch.zeros(1, 2, 30)),
    "ravel": lambda x: x.ravel(),
    "swapaxes": lambda x: x.swapaxes(2, 3),
    "type_as": lambda x: x.type_as(torch.zeros(1, dtype=torch.float64)),
    "log_sigmoid": F.logsigmoid,
    "linalg.matmul": lambda x: torch.linalg.matmul(x, torch.ones(6, 4, dtype=x.dtype)),
    "same": lambda x: F.conv2d(x, torch.ones(1, 2, 3, 3, dtype=x.dtype), padding="same"),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_whole_operator_is_followed(name: str) -> None:
    function = FUNCTIONS[name]
    x = randn(1, 2, 5, 6)
    with torch.inference_mode():
        out, tracker = watch(function, x, (2, 3))
    assert not tracker.unknown_ops
    for mine, real in zip(claimed(tracker, out), true_hulls(function, x, (2, 3)), strict=True):
        assert (mine.lo == real.lo).all()
        assert (mine.hi == real.hi).all()
