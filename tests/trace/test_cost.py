"""What a report costs: blocks that are alike are paid for once, and what nobody looks at is not worked out."""

from __future__ import annotations

import random
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from convinspect import inspect
from convinspect.spec import OptimizerName
from tests.shell import convinspect

TORCHS_KERNELS = tuple(str(Path(torch.__file__).parent / room) for room in ("_refs", "_decomp", "_meta_registrations"))


def kernels_in_python(depth: int, optimizer: OptimizerName | None) -> int:
    """Count the functions of torch's meta kernels that run for a report of ``depth`` equal blocks."""
    blocks = (nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4), nn.Mish()) for _ in range(depth))
    with torch.device("meta"):
        model, image = nn.Sequential(*blocks), torch.empty(2, 4, 8, 8)
    count = 0

    def profile(frame: FrameType, event: str, _argument: Any) -> None:
        nonlocal count
        count += event == "call" and frame.f_code.co_filename.startswith(TORCHS_KERNELS)

    sys.setprofile(profile)
    try:
        inspect(model, image, optimizer=optimizer)
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("optimizer", [None, "adamw"])
def test_blocks_that_are_alike_run_the_kernels_of_one(optimizer: OptimizerName | None) -> None:
    few = kernels_in_python(3, optimizer)
    assert few > 0
    assert kernels_in_python(12, optimizer) == few


class Counted(random.Random):
    """Python's generator; its state is what must be read to put it back."""

    reads = 0

    def getstate(self) -> Any:
        Counted.reads += 1
        return super().getstate()


class WithAGenerator(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear, self.generator = nn.Linear(4, 4), Counted(1)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x) if self.generator.random() < 1 else x


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_what_a_model_keeps_is_written_down_once_for_all_its_runs(device: str) -> None:
    model = WithAGenerator()
    before, Counted.reads = random.Random.getstate(model.generator), 0
    report = inspect(model, torch.rand(2, 4), device=device if device == "meta" else None)
    assert report.totals.memory.training is not None
    assert random.Random.getstate(model.generator) == before
    assert Counted.reads == 1


class AlikeButForOneThing(nn.Module):
    """Calls of one operator whose tensors lie alike, and whose results do not."""

    def forward(self, x: Tensor, indices: Tensor) -> list[Tensor]:
        grown = torch.ones_like(x)
        return [
            *(indices + 1, indices + 1.0, indices + True),
            *(x[0:2], x[2:4], x[2:4].t(), x[1:3] * x[2:4], x[2:4].clone()),
            *(x.sum(0), x.sum(1), x.sum(0, keepdim=True)),
            *(grown.mul_(x), grown.mul_(grown), x.t().contiguous(), x.contiguous()),
            *(x.as_strided((2, 2), (1, 2)), x[1:].as_strided((2, 2), (1, 2)), x.as_strided((2, 2), (1, 2), 3)),
            *(torch.zeros(3), torch.zeros(3, dtype=torch.int64), torch.zeros(3)),
        ]


def test_calls_that_differ_by_little_keep_their_own_results() -> None:
    x, indices = torch.rand(4, 6), torch.arange(3)
    real = AlikeButForOneThing()(x, indices)
    report = inspect(AlikeButForOneThing(), (x, indices), device="meta", optimizer=None)
    assert [(one.shape, one.dtype) for one in report.outputs] == [
        (tuple(one.shape), str(one.dtype).removeprefix("torch.")) for one in real
    ]
    assert report.totals.memory == inspect(AlikeButForOneThing(), (x, indices), optimizer=None).totals.memory


class ChangesTheDefault(nn.Module):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        first = x / 2
        torch.set_default_dtype(torch.float64)
        return first, x / 2


def test_a_switch_that_the_forward_sets_counts() -> None:
    report = inspect(ChangesTheDefault(), torch.arange(4), device="meta", optimizer=None)
    assert [one.dtype for one in report.outputs] == ["float32", "float64"]


FAILING_RULE = """
import torch
from torch import nn
from convinspect.fields import rf_rule

@torch.library.custom_op("nobody_looks::twice", mutates_args=())
def twice(x: torch.Tensor) -> torch.Tensor:
    return x * 2

@twice.register_fake
def _(x):
    return torch.empty_like(x)

@rf_rule("nobody_looks::twice")
def field(call):
    raise RuntimeError("somebody looks")

class Net(nn.Module):
    def forward(self, x):
        return twice(x)
"""


@pytest.fixture(scope="module")
def with_a_failing_rule(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("rule") / "net.py"
    file.write_text(FAILING_RULE)
    return file


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ([], 3),
        (["--columns", "default"], 3),
        (["--columns", "output,macs", "-v"], 3),
        (["--columns", "output,macs", "--json"], 3),
        (["--columns", "output,macs", "--axes", "2"], 3),
        (["--columns", "output,macs"], 0),
        (["--brief"], 0),
    ],
)
def test_fields_are_followed_where_somebody_looks(with_a_failing_rule: Path, options: list[str], code: int) -> None:
    done = convinspect("summary", with_a_failing_rule, "--input", "3,8,8", "--device", "meta", *options)
    assert (done.code, "somebody looks" in done.err) == (code, code > 0), done.err
