"""How many elements an operator found is a number of values: what is made of it cannot be followed."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from convinspect import Report, inspect


class Around(nn.Module):
    """A function between two convolutions: exact, the second sees 5 of 9."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.one, self.two, self.function = nn.Conv1d(1, 1, 3, padding=1), nn.Conv1d(1, 1, 3, padding=1), function
        for part in (self.one, self.two):
            nn.init.constant_(part.weight, 1)
            nn.init.zeros_(part.bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.two(self.function(self.one(x)))


def told(model: nn.Module, row: str = "two") -> tuple[str, tuple[int | None, ...] | None, Report]:
    report = inspect(model, (torch.linspace(-1, 1, 9)[None, None],), optimizer=None)
    field = next(layer for layer in report.layers if layer.path == row).receptive_field
    assert field is not None
    return field.status, field.size, report


MADE_OF_COUNTS: dict[str, Callable[[Tensor], Tensor]] = {
    "len": lambda x: x / len((x > 0).nonzero()),
    "shape": lambda x: x / (x > 0).nonzero().shape[0],
    "of a column": lambda x: x * (x > 0).nonzero()[:, 1].size(0),
    "numel": lambda x: x * x.masked_select(x > 0).numel(),
    "torch.numel": lambda x: x * torch.numel(x.masked_select(x > 0)),
    "share": lambda x: x * (x.unique().numel() / x.numel()),
    "mask": lambda x: x * math.sqrt(len(x[x > 0])),
    "where": lambda x: x + 1 / torch.where(x > 0)[2].nelement(),
    "repeats": lambda x: x / len(torch.repeat_interleave((x > 0).long().flatten())),
    "rows": lambda x: x * len(x.clamp(-100, 1).unique(dim=-1, return_counts=True)[1]),
    "none": lambda x: x * len(x[x > 100]),
    "tensor": lambda x: x * torch.tensor(float(len((x > 0).nonzero()))),
    "slice": lambda x: x[:, :, : len((x > 0).nonzero())],
    "whole slice": lambda x: x[:, :, : len(x.isfinite().nonzero())],
    "shift": lambda x: x.roll(len((x > 0).nonzero()), 2),
}


@pytest.mark.parametrize("name", MADE_OF_COUNTS)
def test_what_is_made_of_how_many_were_found_is_unknown(name: str) -> None:
    function = MADE_OF_COUNTS[name]
    # The truth: where one far end of the input changes, the other end of the output does (or its size).
    with torch.no_grad():
        base = torch.linspace(-1, 1, 9)[None, None]
        other = base.clone()
        other[..., -1] = math.inf if name == "none" else -math.inf
        before, after = Around(function)(base), Around(function)(other)
    assert before.shape != after.shape or before[0, 0, 0] != after[0, 0, 0]
    status, _, report = told(Around(function))
    assert status == "unknown"
    assert "takes numbers of the followed input out of torch" in report.warnings[0].message


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x * 0.5 if x[x > 0].sum() > 0 else x,
        lambda x: (x[x > 0], x.relu() * 3)[1],
        lambda x: (x.new_zeros(len(x.nonzero()), 4), x.relu())[1],
        lambda x: (torch.arange(len(x.nonzero())), x[:, :, 1:-1])[1],
        lambda x: x.relu() if len(x.nonzero()) else x,
        lambda x: x * 3 * len(torch.ones(4).nonzero()),
        lambda x: x * len(x.sign().unique(dim=-1, return_inverse=True)[1]),
    ],
    ids=["branch", "aside", "sizes", "places", "empty", "constants", "as long as what is given"],
)
def test_who_only_goes_on_with_what_was_found_keeps_the_field(function: Callable[[Tensor], Tensor]) -> None:
    assert told(Around(function))[:2] == ("exact", (5,))


def test_routing_stays_what_it_is() -> None:
    def experts(x: Tensor) -> Tensor:
        places = torch.where(x[0, 0] > 0)[0]
        return x.index_add(2, places, x[:, :, places] * 0.5)

    assert told(Around(experts))[0] == "data_dependent"


def test_what_was_used_before_a_count_was_read_is_a_constant() -> None:
    def scaled(x: Tensor) -> Tensor:
        y = x * 0.25
        return y.relu() * 0.25 if len(y.nonzero()) else y

    assert told(Around(scaled))[:2] == ("exact", (5,))


class Divided(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.two = nn.Conv1d(1, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.two(x / (x > 0).nonzero().size(0))


class Aside(Divided):
    def forward(self, x: Tensor) -> Tensor:
        return self.two(x.relu() * 0.5) + x[x > 0].sum()


@pytest.mark.parametrize("kind", ["script", "program"])
def test_counts_in_scripts_and_programs(kind: str) -> None:
    def packed(model: nn.Module) -> nn.Module:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            return torch.jit.script(model) if kind == "script" else torch.export.export(model, (torch.rand(1, 1, 9),))

    assert told(packed(Divided()))[0] == "unknown"
    assert told(packed(Aside()))[:2] == ("exact", (3,))
