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
import gc, sys
import torch
from torch import nn
import convinspect

class Much(nn.Module):
    def forward(self, x):
        before = len(sys.searches)
        self.made = [[n] for n in range(300_000)]
        sys.found.append(len(sys.searches) > before)
        return x + 1

# Where an inspection does not put back what it finds.
sys.searches, sys.found = [], []
gc.callbacks.append(lambda phase, said: sys.searches.append(phase) if said['generation'] == 2 else None)
before = gc.get_threshold()
Much()(torch.zeros(1, 4))
print(sys.found)
sys.found.clear()
convinspect.inspect(Much(), (torch.zeros(1, 4),), optimizer=None)
print(set(sys.found), gc.get_threshold() == before)
"""


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (IMPORTING, ["True True True", "True"]),
        (LEAVING, ["meta True", "[[0.0, 2.0, 4.0, 6.0]]"]),
        (WRITING, ["[True]", "{False} True"]),
    ],
    ids=["importing", "leaving", "writing"],
)
def test_what_lives_as_long_as_the_process_is_passed_by(code: str, said: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120, cwd=ROOT
    )
    assert done.stdout.splitlines() == said, done.stderr
