"""A run that does not fit into the memory is refused with the figure before the system kills it."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

import pytest

from convinspect import machine
from tests.shell import Result, convinspect

MODEL = """
import torch
from torch import nn

class Wide(nn.Module):
    def __init__(self, width: int = 1_000_000) -> None:
        super().__init__()
        self.wide = nn.Linear(width, width)

    def forward(self, x):
        return self.wide(x)

class Greedy(nn.Module):
    def forward(self, x):
        return torch.empty(4_000_000_000_000)

class Stack(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(1, 16, 1) for _ in range(4))

    def forward(self, x):
        return torch.stack([conv(x) for conv in self.convs])
"""
MIB = 1 << 20

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it is not known what is available")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "model.py"
    path.write_text(MODEL)
    return path


def refused(result: Result, *said: str) -> bool:
    return (result.code, result.out) == (2, "") and all(word in result.err for word in (*said, "--device meta"))


def test_an_input_that_does_not_fit_is_refused_before_it_is_made(file: Path) -> None:
    result = convinspect("summary", f"{file}:Stack", "--input", "1,1000000,1000000", "--device", "cpu")
    assert refused(result, "an input of 1x1x1000000x1000000 float32 needs 3.638 TiB", "are available")


def test_a_constructor_that_asks_for_more_than_there_is_says_so(file: Path) -> None:
    result = convinspect("summary", f"{file}:Wide", "--input", "1000000", "--device", "cpu")
    assert refused(result, "Wide() needs more memory than this machine has: another 3.638 TiB were refused")


def test_a_forward_that_asks_for_more_than_there_is_says_so(file: Path) -> None:
    result = convinspect("summary", f"{file}:Greedy", "--input", "4", "--device", "cpu")
    assert refused(result, "the forward needs more memory than this machine has: another 14.55 TiB were refused")


def test_a_forward_that_would_not_fit_is_not_begun(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = ("summary", f"{file}:Stack", "--input", "1,100,100", "--device", "cpu")
    # Four outputs of 16 channels at 100x100 in float32, and the four stacked.
    needed = 8 * 16 * 100 * 100 * 4
    monkeypatch.setattr("convinspect.trace.foresight.available_bytes", lambda: needed - 1)
    assert refused(convinspect(*asked), "besides its weights and inputs the forward on cpu needs 4.883 MiB")
    monkeypatch.setattr("convinspect.trace.foresight.available_bytes", lambda: needed)
    result = convinspect(*asked)
    assert result.code == 0, result.err


def test_the_limit_is_there_during_the_run_alone() -> None:
    before = resource.getrlimit(resource.RLIMIT_DATA)
    with machine.no_more_than_available("cpu"):
        soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
        assert 0 < soft < (machine.available_bytes() or 0) + (1 << 40)
        assert hard == before[1]
    assert resource.getrlimit(resource.RLIMIT_DATA) == before


def test_a_container_has_what_its_limit_leaves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limit, taken = tmp_path / "memory.max", tmp_path / "memory.current"
    monkeypatch.setattr(machine, "_CONTAINERS", ((str(limit), str(taken)),))
    without = machine.available_bytes()
    assert without is not None
    taken.write_text(f"{3 * MIB}\n")
    for text, expected in ((f"{5 * MIB}\n", 2 * MIB), (f"{MIB}\n", 0)):
        limit.write_text(text)
        assert machine.available_bytes() == expected
    limit.write_text("max\n")
    assert (machine.available_bytes() or 0) > 5 * MIB
