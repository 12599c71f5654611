"""The garbage collector is spared what torch has made, and what a run leaves behind is found all the same."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.shell import ROOT

IMPORTING = """
import gc, sys
from convinspect.collector import import_torch
import_torch()
frozen = gc.get_freeze_count()
print(gc.isenabled(), frozen > 100_000, 'torch' in sys.modules)
import_torch()
print(gc.get_freeze_count() <= frozen)
"""

LEAVING = """
import functools, gc
import torch
from torch import nn
import convinspect

class Kept(nn.Module):
    tables = {}
    def forward(self, x):
        if 'key' not in self.tables:
            self.tables['key'] = torch.arange(4.0)
        return x + self.tables['key'] + positions(4)

@functools.lru_cache
def positions(n):
    return torch.arange(float(n))

gc.collect()
gc.freeze()
frozen = gc.get_freeze_count()
report = convinspect.inspect(Kept(), (torch.zeros(1, 4),), device='meta')
print(report.run.device, gc.get_freeze_count() >= frozen)
print((Kept()(torch.ones(1, 4)) - 1).tolist())
"""

WRITING = """
import gc
import torch
from torch import nn
import convinspect

class Much(nn.Module):
    def forward(self, x):
        started.append(gc.get_threshold()[:2])
        self.made = [[n] for n in range(300_000)]
        return x + 1

old, started = [], []
before = gc.get_threshold()
gc.callbacks.append(lambda phase, said: old.append(phase) if started and said['generation'] == 2 else None)
Much()(torch.zeros(1, 4))
print(len(old) > 0)
old.clear(), started.clear()
convinspect.inspect(Much(), (torch.zeros(1, 4),), optimizer=None)
print(set(started) == {before[:2]}, len(old), gc.get_threshold() == before)
"""


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (IMPORTING, ["True True True", "True"]),
        (LEAVING, ["meta True", "[[0.0, 2.0, 4.0, 6.0]]"]),
        (WRITING, ["True", "True 0 True"]),
    ],
    ids=["importing", "leaving", "writing"],
)
def test_what_lives_as_long_as_the_process_is_passed_by(code: str, said: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120, cwd=ROOT
    )
    assert done.stdout.splitlines() == said, done.stderr
