"""What a row shows as its output: what the caller gets, not what the kernel keeps for its backward."""

# ruff: noqa: N812 - F is torch's own custom

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from convinspect.ops import operator, results_of

from .recording import record

IMAGE = torch.ones(1, 4, 8, 8)
HEADS = torch.ones(1, 2, 3, 4)
ROWS = torch.ones(3, 5)
TARGETS = torch.zeros(3, dtype=torch.long)

ONE_RESULT: list[Callable[[], Any]] = [
    lambda: F.max_pool2d(IMAGE, 2),
    lambda: F.max_pool3d(IMAGE, 2),
    lambda: F.adaptive_max_pool2d(IMAGE, 2),
    lambda: F.batch_norm(IMAGE, None, None, training=True),
    lambda: F.layer_norm(IMAGE, (8,)),
    lambda: F.group_norm(IMAGE, 2),
    lambda: F.instance_norm(IMAGE),
    lambda: F.rms_norm(IMAGE, (8,)),
    lambda: F.scaled_dot_product_attention(HEADS, HEADS, HEADS),
    lambda: torch.native_dropout(IMAGE, 0.5, train=True)[0],
    lambda: F.embedding_bag(torch.zeros(2, 2, dtype=torch.long), ROWS),
    lambda: F.logsigmoid(ROWS),
    lambda: F.nll_loss(ROWS, TARGETS),
    lambda: F.nll_loss(IMAGE, torch.zeros(1, 8, 8, dtype=torch.long)),
    lambda: F.multilabel_margin_loss(ROWS, torch.zeros(3, 5, dtype=torch.long)),
    lambda: F.relu(ROWS),
]


@pytest.mark.parametrize("run", ONE_RESULT, ids=map(str, range(len(ONE_RESULT))))
def test_a_function_of_one_result_shows_one(run: Callable[[], torch.Tensor]) -> None:
    shape = tuple(run().shape)
    calls = [call for call in record(run) if operator(call.op).kind == "computation"]
    assert [len(results_of(call)) for call in calls] == [1] * len(calls)
    assert torch.Size(results_of(calls[-1])[0].shape).numel() == torch.Size(shape).numel()


@pytest.mark.parametrize(
    ("run", "results"),
    [
        (lambda: torch.topk(ROWS, 2), 2),
        (lambda: torch.split(ROWS, 1), 3),
        (ROWS.sort, 2),
        (lambda: ROWS.max(dim=1), 2),
    ],
    ids=["topk", "split", "sort", "max"],
)
def test_a_function_of_several_results_shows_them_all(run: Callable[[], Any], results: int) -> None:
    assert [len(results_of(call)) for call in record(run)] == [results]
