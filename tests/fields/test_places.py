"""Indexing by constants of the model is exact; by inputs or by chance it depends on data."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn, tensor
from torch.nn import functional as F  # noqa: N812 - torch's own abbreviation

from convinspect import inspect

from .layouts import Case, conv, conv1d, linear, per_frame
from .oracle import randn
from .rows import check_rows

SHUFFLED = torch.randperm(64, generator=torch.Generator().manual_seed(0))
IMAGE, ROWS_COLUMNS, STEPS = (1, 3, 8, 8), (2, 3), (1, 9, 5)


def windows(x: Tensor, part: nn.Module) -> Tensor:
    y = part(x).flatten(2).mT[:, SHUFFLED].view(4, 16, 4)
    return F.scaled_dot_product_attention(y, y, y)


def there_and_back(x: Tensor, one: nn.Module, two: nn.Module) -> Tensor:
    y = one(x).flatten(2)[:, :, SHUFFLED].relu()
    return two(y[:, :, SHUFFLED.argsort()].view(1, 4, 8, 8))


NETS = [
    Case("channels", IMAGE, ROWS_COLUMNS, lambda x, a, b: b(a(x)[:, [2, 0, 3, 1]]), (conv(), conv(4, 4))),
    Case("reversed", STEPS, (1,), lambda x, a: a(x[:, list(range(8, -1, -1))].mT), (conv1d(5, 4),)),
    Case("every other", IMAGE, ROWS_COLUMNS, lambda x, a, b: b(a(x)[:, :, [0, 2, 4, 6]]), (conv(), conv(4, 4))),
    Case("turned", IMAGE, ROWS_COLUMNS, lambda x, a: a(x)[:, :, [6, 7, 0, 1, 2, 3, 4, 5]], (conv(),)),
    Case("select", IMAGE, ROWS_COLUMNS, lambda x, a, b: b(a(x).index_select(2, tensor([7, 5]))), (conv(), conv(4, 4))),
    Case("upsampled", IMAGE, ROWS_COLUMNS, lambda x, a, b: b(a(x)[:, :, torch.arange(16) // 2]), (conv(), conv(4, 4))),
    Case("grid", IMAGE, ROWS_COLUMNS, lambda x, a: a(x)[:, :, tensor([0, 3, 6])[:, None], tensor([1, -1])], (conv(),)),
    Case("pairs", IMAGE, ROWS_COLUMNS, lambda x, a: a(x)[:, :, tensor([0, 3, 6]), tensor([1, 2, 7])], (conv(),)),
    Case("apart", IMAGE, ROWS_COLUMNS, lambda x, a: a(x)[tensor([0, 0]), :, tensor([1, 2])], (conv(),)),
    Case("last", (3, 9, 5), (1,), lambda x, a: a(x)[torch.arange(3), tensor([8, 3, 2])], (linear(5, 4),)),
    Case("mask", IMAGE, ROWS_COLUMNS, lambda x, a: a(x)[:, :, tensor([True, False] * 4)], (conv(),)),
    Case("triangle", IMAGE, ROWS_COLUMNS, lambda x, a: a(x)[:, :, torch.ones(8, 8).tril().bool()], (conv(),)),
    Case("masked", IMAGE, ROWS_COLUMNS, lambda x, a: a(x).masked_select(torch.ones(8, 8).tril().bool()), (conv(),)),
    Case("pruned", IMAGE, ROWS_COLUMNS, lambda x, a: a(x).flatten(2).mT[:, tensor([0, 3, 5, 9])], (conv(3, 4, 3, 2),)),
    Case("there and back", IMAGE, ROWS_COLUMNS, there_and_back, (conv(), conv(4, 4))),
    Case("windows", IMAGE, ROWS_COLUMNS, windows, (conv(),)),
    Case("neighbours", STEPS, (1,), lambda x, a: a(x)[:, tensor([[0, 1], [1, 2], [5, 8]])].amax(2), (linear(5, 4),)),
    Case("gather", IMAGE, ROWS_COLUMNS, lambda x, a: a(x).gather(3, tensor([1, 0, 3]).expand(1, 4, 8, 3)), (conv(),)),
    Case(
        "gather by row",
        IMAGE,
        ROWS_COLUMNS,
        lambda x, a: a(x).gather(3, (torch.arange(8)[:, None] + torch.arange(8)).expand(1, 4, 8, 8) % 8),
        (conv(),),
    ),
    Case("along", IMAGE, ROWS_COLUMNS, lambda x, a: a(x).take_along_dim(tensor([2, 1]).view(1, 1, 2, 1), 2), (conv(),)),
    Case("take", IMAGE, ROWS_COLUMNS, lambda x, a: a(x).take(tensor([0, 5, 64, 100])), (conv(),)),
    Case("repeats", IMAGE, ROWS_COLUMNS, lambda x, a: a(x).repeat_interleave(tensor([1, 2, 0, 1] * 2), 2), (conv(),)),
    Case("frames", (1, 4, 3, 6, 6), (1, 3, 4), lambda x, a: per_frame(x[:, [0, 2]], a), (conv(),)),
    Case("unbatched", (3, 8, 8), (1, 2), lambda x, a: a(x)[:, [1, 0, 3, 2, 5, 4, 7, 6]], (conv(),)),
]


@pytest.mark.parametrize("case", NETS, ids=[case.name for case in NETS])
def test_what_constants_choose_is_exact(case: Case) -> None:
    torch.manual_seed(0)
    report = check_rows(case.make(), randn(*case.shape), case.axes)
    fields = [output.receptive_field for row in report.layers for output in row.outputs]
    assert {field.status for field in fields if field is not None} <= {"exact", "global"}


class Chosen(nn.Module):
    def __init__(self, function: Callable[..., Tensor]) -> None:
        super().__init__()
        self.conv, self.function = nn.Conv1d(1, 1, 3, padding=1), function
        self.register_buffer("places", torch.arange(8).flip(0))

    def forward(self, x: Tensor, *others: Tensor) -> Tensor:
        return self.conv(self.function(self, self.conv(x), *others))


@pytest.mark.parametrize("inference", [False, True], ids=["eager", "inference"])
@pytest.mark.parametrize("device", ["cpu", "meta"])
@pytest.mark.parametrize(
    ("function", "others", "status"),
    [
        (lambda m, x: x[:, :, m.places], (), "exact"),
        (lambda _, x: x[:, :, [1, 0, 3]], (), "exact"),
        (lambda _, x: x.repeat_interleave(tensor([1, 2, 0, 1] * 2), 2), (), "exact"),
        (lambda m, x: x[:, :, (m.places + 1) % 8], (), "exact"),
        (lambda _, x: x[:, :, x.new_zeros(3, dtype=torch.long)], (), "exact"),
        (lambda _, x: x.gather(2, torch.full_like(x, 3, dtype=torch.long)), (), "exact"),
        (lambda _, x: x[:, :, torch.randperm(8)], (), "data_dependent"),
        (lambda _, x: x[:, :, x[0, 0].argsort()], (), "data_dependent"),
        (lambda _, x, places: x[:, :, places], (torch.arange(8),), "data_dependent"),
        (lambda m, x, places: x[:, :, m.places.clone().copy_(places)], (torch.arange(8),), "data_dependent"),
        (lambda _, x, score: x[:, :, score.argsort()], (torch.rand(8),), "data_dependent"),
    ],
    ids=["buffer", "list", "repeats", "turned", "new", "like", "chance", "own values", "input", "written", "scores"],
)
def test_which_places_are_constants(
    function: Callable[..., Tensor],
    others: tuple[Tensor, ...],
    status: str,
    device: str,
    inference: bool,  # noqa: FBT001
) -> None:
    with torch.inference_mode(inference):
        report = inspect(Chosen(function), (torch.rand(1, 1, 8), *others), device=device, optimizer=None)
    row = next(row for row in report.layers if row.path == "conv" and row.call == 2)
    assert row.receptive_field is not None
    assert row.receptive_field.status == status
