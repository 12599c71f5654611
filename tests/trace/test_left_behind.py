"""What a model keeps outside its own attributes comes back as it was, and nothing of a run stays in anybody's hands."""

from __future__ import annotations

import collections
import functools
import sys
import types
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from convinspect.trace.fake.leftovers import no_leftovers
from convinspect.trace.fake.tensor import FakeTensor, alive
from tests.trace.running import report_of, row

MODES = [{"device": "meta"}, {}]


@functools.lru_cache(maxsize=4)
def positions(length: int, device: torch.device) -> Tensor:
    return torch.arange(length, device=device).float()


@functools.cache
def pair(length: int) -> tuple[Tensor, Tensor]:
    return torch.arange(length).float(), torch.ones(length)


TABLES: dict[str, Tensor] = {}
SEEN: list[Any] = []


class Helper:
    def __init__(self) -> None:
        self.kept: Tensor | None = None

    def get(self, length: int) -> Tensor:
        if self.kept is None:
            self.kept = torch.arange(length).float()
        return self.kept


class Slotted:
    __slots__ = ("__hidden", "steps")

    def __init__(self) -> None:
        self.steps = 0
        self.__hidden: list[int] = []

    def step(self) -> int:
        self.steps += 1
        self.__hidden.append(self.steps)
        return len(self.__hidden)


HELPER = Helper()


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    yield
    positions.cache_clear()
    pair.cache_clear()
    TABLES.clear()
    SEEN.clear()
    HELPER.kept = None


class Keeping(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        if "zeros" not in TABLES:
            TABLES["zeros"] = torch.zeros(4)
        SEEN.append((x, [x]))
        return self.linear(x) + positions(4, x.device) + pair(4)[0] + pair(4)[1] + HELPER.get(4) + TABLES["zeros"]


@pytest.mark.parametrize("options", MODES, ids=["meta", "cpu"])
def test_caches_of_functions_files_and_objects_hold_nothing_of_ours(options: dict[str, Any]) -> None:
    model, x = Keeping(), torch.rand(2, 4)
    untouched = model.linear(x) + 2 * torch.arange(4) + 1 + torch.arange(4)
    report_of(model, x, **options)
    assert (TABLES, SEEN, HELPER.kept) == ({}, [], None)
    assert type(positions(4, torch.device("cpu"))) is Tensor
    assert type(pair(4)[1]) is Tensor
    out = model(x)
    assert type(out) is Tensor
    torch.testing.assert_close(out, untouched)


class Stateful(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.state = types.SimpleNamespace(buffer=None, steps=0, log={"shapes": [[1]]})
        self.queue: collections.deque[int] = collections.deque([0], maxlen=9)
        self.named = collections.defaultdict(list, a=[1])
        self.ordered = collections.OrderedDict(b=1, a=2)
        self.slotted = Slotted()
        self.unregistered = [nn.BatchNorm1d(4)]
        self.table = [torch.zeros(4)]

    def forward(self, x: Tensor, cache: Any = None) -> Tensor:
        self.state.steps += 1
        self.state.buffer = x
        self.state.log["shapes"][0].append(tuple(x.shape))
        self.queue.append(1)
        self.named["x"].append(x)
        self.ordered.move_to_end("b")
        self.ordered["c"] = self.slotted.step()
        self.unregistered[0].calls = 1  # type: ignore[assignment]
        self.table[0].add_(1)
        if cache is not None:
            cache.keys.append(x)
        return x * 2


@pytest.mark.parametrize("options", [*MODES, {"optimizer": None}, {"train": True}], ids=str)
def test_state_in_plain_objects_and_nested_containers_comes_back(options: dict[str, Any]) -> None:
    model = Stateful()
    shapes, named, cache = model.state.log["shapes"], model.named, types.SimpleNamespace(keys=[torch.ones(2)])
    report_of(model, torch.rand(2, 4), kwargs={"cache": cache}, **options)
    assert vars(model.state) == {"buffer": None, "steps": 0, "log": {"shapes": [[1]]}}
    assert model.state.log["shapes"] is shapes
    assert (list(model.queue), model.named, list(model.ordered.items())) == ([0], {"a": [1]}, [("b", 1), ("a", 2)])
    assert model.named is named
    assert model.slotted.step() == 1
    assert not hasattr(model.unregistered[0], "calls")
    assert model.table[0].tolist() == [0, 0, 0, 0]
    assert [key.tolist() for key in cache.keys] == [[1, 1]]


def test_a_models_state_comes_back_however_much_its_file_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "CROWD", [[] for _ in range(300_000)], raising=False)
    model = Stateful()
    report_of(model, torch.rand(2, 4))
    assert vars(model.state) == {"buffer": None, "steps": 0, "log": {"shapes": [[1]]}}


def test_what_cannot_be_taken_out_raises_when_it_is_used() -> None:
    class Stubborn:
        __slots__ = ("held",)

    stubborn, before = Stubborn(), set(map(id, alive()))
    with no_leftovers():
        stubborn.held = FakeTensor(torch.empty(2, device="meta"))  # type: ignore[attr-defined]
    with pytest.raises(RuntimeError, match="an inspection has left it behind"):
        stubborn.held + 1  # type: ignore[attr-defined]
    del stubborn
    assert set(map(id, alive())) <= before


class Forces(nn.Module):
    """The force is the derivative of an energy, as in potentials of atoms."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(3, 16)
        self.outer = nn.Linear(16, 1)

    def forward(self, places: Tensor) -> Tensor:
        places = places.requires_grad_()
        energy = self.outer(torch.tanh(self.inner(places))).sum()
        return -torch.autograd.grad(energy, places, create_graph=self.training)[0]


@pytest.mark.parametrize("options", MODES, ids=["meta", "cpu"])
def test_a_forward_that_asks_autograd_runs_with_gradients_and_counts_them(options: dict[str, Any]) -> None:
    places = torch.rand(1, 3)
    report = report_of(Forces(), places, **options)
    assert report.failure is None
    # Two products forward, and for the force the same two backward.
    assert (report.totals.macs, report.totals.macs_status) == (48 + 16 + 16 + 48, "exact")
    assert row(report, "inner").macs == 48
    assert [note.code for note in report.warnings] == ["ran_with_gradients"]
    assert not places.requires_grad
