"""Scripts and programs drop tensors where their interpreters do: their peaks against the allocator's own events."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from convinspect import inspect
from tests.load.forms import quiet
from tests.memory.allocator import count, storage_bytes


class Holding(nn.Module):
    """A name that Python holds to the end of the function, and nobody reads again."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        first = self.a(x)
        second = self.b(first.relu())
        return (second.sigmoid() + second).tanh()


class Leaving(nn.Module):
    """Results of operators that nobody reads: half of a split, places of maxima, a mean."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        left = self.a(x).chunk(2, 1)[0]
        pooled = functional.max_pool2d(self.b(self.a(x)), 1, return_indices=True)[0]
        variance, _ = torch.var_mean(pooled, dim=3, keepdim=True)
        return torch.cat([left, self.b(pooled - variance)], 1)


class Windows(nn.Module):
    """Sizes that are multiplied in place, as einops does."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Conv2d(3, 4, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.a(x)
        rows = y.shape[2] * 1
        rows *= y.shape[3]
        return y.reshape(y.shape[0], rows * y.shape[1]).mT.relu()


class Squares(nn.Module):
    """A size that is read twice."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Conv2d(3, 4, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.a(x)
        side = y.shape[2] // 2 + y.shape[3] // 2
        return y.reshape(side * side, -1).mT.relu()


def of_script(model: nn.Module, x: Tensor) -> tuple[Any, Any]:
    with quiet():
        script = torch.jit.trace(model, (x,))
    return script, script


def of_program(model: nn.Module, x: Tensor) -> tuple[Any, Any]:
    with quiet():
        program = torch.export.export(model, (x,))
    return program, program.module()


@pytest.mark.parametrize("form", [of_script, of_program])
@pytest.mark.parametrize("build", [Holding, Leaving, Windows, Squares])
def test_a_peak_is_what_the_allocator_counts(
    build: Callable[[], nn.Module], form: Callable[[nn.Module, Tensor], tuple[Any, Any]]
) -> None:
    x = torch.rand(1, 3, 8, 8)
    asked, run = form(build().eval(), x)
    # Once optimized, a script does some work once that it is written to do twice.
    with torch.no_grad(), torch.jit.optimized_execution(should_optimize=False), quiet():
        run(x)
        counted = count(lambda: run(x))
    there = storage_bytes((*run.parameters(), *run.buffers(), x))
    assert inspect(asked, (x,), optimizer=None).totals.memory.inference_peak_bytes == there + counted.peak


@pytest.mark.parametrize("build", [Windows, Squares])
def test_sizes_are_no_tensors_of_the_model(build: Callable[[], nn.Module]) -> None:
    model, x = build().eval(), torch.rand(1, 3, 8, 8)
    script, _ = of_script(model, x)
    functions = [
        [row.type for row in inspect(one, (x,), optimizer=None).layers if row.kind == "function"]
        for one in (script, model)
    ]
    assert functions[0] == functions[1]
