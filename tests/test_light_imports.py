"""What torch's kernels import to ask nothing of it is not imported, and works for whoever needs it later."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import sys, warnings
import torch, convinspect
from torch import nn

HEAVY = ("sympy", "torch._dynamo", "torch.distributed.tensor", "torch.fx.experimental.symbolic_shapes")
net = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2),
                    nn.Flatten(), nn.LayerNorm(128), nn.GELU(), nn.Dropout(), nn.Linear(128, 10), nn.LogSoftmax(-1))
x = torch.rand(2, 3, 8, 8)
for device in (None, "meta"):
    report = convinspect.inspect(net, x, device=device)
    assert report.totals.memory.training is not None
    assert report.totals.macs == 2 * (64 * 8 * 27 + 64 * 8 * 8 + 1280)

def initialised():  # its constructor draws numbers, its operators ask what types their results have
    return nn.Sequential(nn.Embedding(8, 8), nn.Linear(8, 8), nn.ReLU6(inplace=True), nn.Hardswish(), nn.Linear(8, 2))

from convinspect.load.without_data import built_without_data
with built_without_data():
    made = initialised()
assert convinspect.inspect(made, torch.zeros(1, 3, dtype=torch.int64)).totals.macs == 3 * (64 + 16)
print([name for name in HEAVY if name in sys.modules])

# A model that is sharded, later in the same process.
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor

store = dist.HashStore()
dist.init_process_group("gloo", store=store, rank=0, world_size=1)
sharded = nn.Sequential(nn.Linear(8, 16), nn.Linear(16, 4))
fully_shard(sharded, mesh=init_device_mesh("cpu", (1,)))
assert isinstance(sharded[0].weight, DTensor)
assert convinspect.inspect(sharded, torch.rand(2, 8)).totals.macs == 2 * (8 * 16 + 16 * 4)
dist.destroy_process_group()

# Symbols, later in the same process.
import sympy
assert sympy.Symbol("n") + 1 - sympy.Symbol("n") == 1
assert isinstance(sympy.Symbol("n"), sympy.Basic)
batch = torch.export.Dim("batch", min=2, max=64)
program = torch.export.export(net.eval(), (x,), dynamic_shapes=({0: batch},))
assert program.module()(torch.rand(5, 3, 8, 8)).shape == (5, 10)
assert convinspect.inspect(net, x, device="meta").totals.macs == 2 * (64 * 8 * 27 + 64 * 8 * 8 + 1280)
print("fine")
"""


def test_a_plain_model_loads_no_algebra_and_what_loads_it_later_works() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CODE], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["[]", "fine"]
