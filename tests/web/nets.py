"""Reports to look at: small networks with what a page must show."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache

import torch
from torch import nn

from convinspect import inspect
from convinspect.records import Unit
from convinspect.report import Report
from convinspect.spec import SECTIONS


class Down(nn.Module):
    """Strides, padding on the way, phases after an upsampling, a gate that is global, and a skip."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 5, 2, 2), nn.BatchNorm2d(8), nn.ReLU())
        self.blocks = nn.Sequential(*[nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.ReLU()) for _ in range(4)])
        self.pool = nn.MaxPool2d(3, 2)
        self.up = nn.ConvTranspose2d(8, 8, 3, 2)
        self.gate = nn.Conv2d(8, 8, 1)
        self.last = nn.Conv2d(8, 4, 3, padding=2, dilation=2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.up(self.pool(self.blocks(self.stem(x))))
        y: torch.Tensor = self.last(x * self.gate(x.mean((2, 3), keepdim=True)).sigmoid())
        return y


class Wave(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Conv1d(1, 4, 9, 4), nn.Conv1d(4, 4, 3, padding="same")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.two(self.one(x))
        return y


class Solid(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Conv3d(1, 2, 3, (1, 2, 2)), nn.Conv3d(2, 2, (1, 3, 3), padding=(0, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.two(self.one(x))
        return y


NETS: dict[str, tuple[type[nn.Module], tuple[int, ...]]] = {
    "down": (Down, (2, 3, 45, 60)),
    "wave": (Wave, (1, 1, 100)),
    "solid": (Solid, (1, 1, 7, 15, 13)),
}


@lru_cache
def report(name: str) -> Report:
    make, shape = NETS[name]
    return inspect(make(), torch.empty(shape, device="meta"), sections=SECTIONS)


@contextmanager
def many_runs() -> Iterator[None]:
    """Make runs within cheaper: each collects garbage, and what is there already is none."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def unit(name: str, path: str, index: Sequence[int]) -> Unit:
    """Return what ``--unit`` says: it is asked of another run, one unit at a time."""
    from convinspect.analyse import analyse  # noqa: PLC0415 - what --unit runs
    from convinspect.inputs import given_inputs  # noqa: PLC0415
    from convinspect.load.python import adopt  # noqa: PLC0415
    from convinspect.spec import Request, Target, UnitSpec  # noqa: PLC0415
    from convinspect.trace import trace  # noqa: PLC0415

    make, shape = NETS[name]
    request = Request(Target("", "", None), optimizer=None, unit=UnitSpec(path, tuple(index)))
    prepared = given_inputs(adopt(make(), "meta", request), (torch.empty(shape, device="meta"),), {})
    found = analyse(trace(prepared)).unit
    assert found is not None
    return found
