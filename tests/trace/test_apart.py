"""State in C: what can be read comes back, and a second run never steps through what the first alone may."""

from __future__ import annotations

import importlib
import itertools
import random
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from convinspect import inspect
from convinspect.report import Report


class Drawing(nn.Module):
    """Draws from generators of its own, and writes into arrays."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 2)
        self.python = random.Random(1)  # noqa: S311 - not for secrets
        self.own = torch.Generator()
        self.numpy = np.random.default_rng(1)
        self.old = np.random.RandomState(1)
        self.seen = np.zeros(3)
        self.bytes = bytearray(2)
        self.array = array("d", [0.0])

    def forward(self, x: Tensor) -> Tensor:
        self.python.random()
        torch.rand(1, generator=self.own)
        self.numpy.random()
        self.old.rand()
        self.seen += 1
        self.bytes += b"x"
        self.array.append(1.0)
        out: Tensor = self.layer(x)
        return out

    def state(self) -> list[Any]:
        generators = [self.python.getstate(), self.own.get_state().tolist(), str(self.numpy.bit_generator.state)]
        return [*generators, str(self.old.get_state()), self.seen.tolist(), bytes(self.bytes), self.array.tolist()]


class Stepping(nn.Module):
    """Takes the next of something in each forward."""

    def __init__(self, numbers: Iterator[int]) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 2)
        self.numbers = numbers

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.layer(x) * next(self.numbers)
        return out


COUNTING = """
import itertools
import torch
from torch import nn

NUMBERS = itertools.count()

class Counting(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 2)

    def forward(self, x):
        return self.layer(x) * next(NUMBERS)
"""


def _said(report: Report) -> dict[str, str]:
    return {note.code: note.message for note in report.warnings}


def _training(report: Report) -> int | None:
    return None if report.totals.memory.training is None else report.totals.memory.training.peak_bytes


@pytest.mark.parametrize("device", [None, "meta"])
def test_generators_and_arrays_come_back(device: str | None) -> None:
    model = Drawing()
    before, seen = model.state(), model.seen
    inspect(model, torch.rand(1, 4), device=device)
    assert model.state() == before
    assert model.seen is seen


def test_the_training_step_of_a_model_with_an_iterator_is_that_of_a_copy() -> None:
    model = Stepping(itertools.count(5))
    report = inspect(model, torch.rand(1, 4))
    assert next(model.numbers) == 6  # the forward that was asked for took one
    assert _said(report)["training_on_a_copy"].endswith("numbers (count) keeps state that cannot be put back")
    assert _training(report) == _training(inspect(Stepping(itertools.repeat(5)), torch.rand(1, 4)))


def test_there_is_no_training_step_where_the_iterator_cannot_be_copied() -> None:
    model = Stepping(number for number in range(9))
    report = inspect(model, torch.rand(1, 4))
    assert next(model.numbers) == 1
    assert "numbers (generator)" in _said(report)["training_unknown"]
    assert _training(report) is None
    assert report.totals.macs == 8


def test_there_is_no_training_step_where_the_iterator_is_a_global_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "of_counting.py").write_text(COUNTING)
    monkeypatch.syspath_prepend(tmp_path)
    module = importlib.import_module("of_counting")
    report = inspect(module.Counting(), torch.rand(1, 4))
    assert next(module.NUMBERS) == 1
    assert "NUMBERS (count)" in _said(report)["training_unknown"]


def test_an_iterator_among_the_inputs_is_stepped_through_once() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(4, 2)

        def forward(self, x: Tensor, steps: Iterator[int]) -> Tensor:
            out: Tensor = self.layer(x) * next(steps)
            return out

    steps = iter([1, 2, 3])
    report = inspect(Net(), (torch.rand(1, 4), steps))
    assert next(steps) == 2
    assert _training(report) is not None
