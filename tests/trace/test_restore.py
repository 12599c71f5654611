"""A report changes nothing: weights, statistics, flags, hooks, gradients, random states and switches."""

from __future__ import annotations

import copy
import os
import random
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from inspect import stack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import prune

from convinspect import inspect
from tests.shell import convinspect
from tests.trace.running import report_of, row


class Restless(nn.Module):
    """A model that changes whatever a forward can change, and raises if told to."""

    def __init__(self, *, raises: bool) -> None:
        super().__init__()
        self.raises = raises
        self.norm = nn.BatchNorm2d(3)
        self.drop = nn.Dropout(0.5)
        self.frozen = nn.Sequential(nn.Conv2d(3, 3, 1)).eval()
        self.register_buffer("seen", torch.zeros(1))
        self.steps = 0
        self.last: torch.Tensor | None = None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.steps += 1
        self.seen += 1
        self.seen = self.seen + 1
        self.last = x
        self.frozen.train()
        random.random()  # noqa: S311 - drawn to see that the state comes back
        np.random.rand()  # noqa: NPY002 - the global state is what is watched
        torch.set_grad_enabled(mode=True)
        x = self.frozen(self.drop(self.norm(x)))
        if self.raises:
            raise RuntimeError("half-way")
        return x


class Unruly(nn.Module):
    """A model that changes what Python keeps once for a process."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        os.chdir("/")
        os.environ["HOME"] = "/nowhere"
        sys.argv = ["theirs"]
        sys.setrecursionlimit(sys.getrecursionlimit() + 1)
        sys.excepthook = sys.unraisablehook = sys.displayhook = threading.excepthook = None  # type: ignore[assignment]
        return x + 1


def _state(model: nn.Module) -> dict[str, Any]:
    return {
        "weights": copy.deepcopy(model.state_dict()),
        "grads": [p.grad for p in model.parameters()],
        "training": [m.training for m in model.modules()],
        "attributes": [sorted(k for k in vars(m)) for m in model.modules()],
        "steps": model.steps,
        "last": model.last,
        "hooks": [len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules()],  # noqa: SLF001
        "torch rng": torch.get_rng_state(),
        "numpy rng": np.random.get_state()[1],  # noqa: NPY002
        "python rng": random.getstate(),
        "grad mode": torch.is_grad_enabled(),
        "fast path": torch.backends.mha.get_fastpath_enabled(),
        "call": nn.Module.__call__,
        "global hooks": len(nn.modules.module._global_forward_hooks),  # noqa: SLF001
    }


def _assert_same(before: Any, after: Any, name: str) -> None:
    if isinstance(before, dict):
        assert before.keys() == after.keys()
        for key in before:
            _assert_same(before[key], after[key], f"{name}.{key}")
    elif isinstance(before, (torch.Tensor, np.ndarray)):
        assert (before == after).all(), name
    else:
        assert before == after, name


@pytest.mark.parametrize("train", [False, True], ids=["eval", "train"])
@pytest.mark.parametrize("raises", [False, True], ids=["returns", "raises"])
def test_the_model_and_the_process_are_left_as_they_were(*, raises: bool, train: bool) -> None:
    model = Restless(raises=raises)
    buffer = model.seen
    before = _state(model)
    report = inspect(model, (torch.zeros(2, 3, 4, 4),), train=train)
    _assert_same(before, _state(model), "state")
    assert model.seen is buffer
    assert (report.failure is not None) == raises


def test_a_lazy_model_stays_lazy_and_its_report_is_that_of_the_shaped_one() -> None:
    model = nn.Sequential(nn.LazyConv2d(4, 3), nn.Flatten(), nn.LazyLinear(5))
    report = report_of(model, torch.zeros(1, 2, 6, 6))
    assert isinstance(model[0], nn.LazyConv2d)
    assert report.totals.params == (4 * 2 * 9 + 4) + (64 * 5 + 5)
    assert (row(report, "0").macs, row(report, "2").macs) == (4 * 16 * 18, 64 * 5)


def test_a_users_own_hooks_run_and_stay() -> None:
    model = nn.Sequential(nn.Linear(4, 4))
    seen: list[tuple[int, ...]] = []
    model[0].register_forward_hook(lambda _m, _i, out: seen.append(tuple(out.shape)))
    report_of(model, torch.zeros(2, 4), optimizer=None)
    assert seen == [(2, 4)]
    assert len(model[0]._forward_hooks) == 1  # noqa: SLF001


def test_a_copy_on_meta_leaves_the_original_where_it_was() -> None:
    model = nn.Linear(4, 4)
    report = inspect(model, (torch.zeros(1, 4),), device="meta")
    assert report.run.device == "meta"
    assert model.weight.device.type == "cpu"


# The compiler warns of itself when it is imported.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_pruned_or_compiled_model_is_seen_as_written_on_every_device() -> None:
    pruned = nn.Linear(4, 3)
    prune.l1_unstructured(pruned, "weight", amount=0.5)
    compiled = torch.compile(nn.Sequential(nn.Linear(4, 3)))
    for device in (None, "meta"):
        assert inspect(pruned, (torch.zeros(1, 4),), device=device).totals.macs == 12
        assert row(inspect(compiled, (torch.zeros(1, 4),), device=device), "_orig_mod.0").macs == 12


def test_a_report_imports_no_compiler_and_leaves_no_word_for_it() -> None:
    code = (
        "import sys, torch, convinspect\n"
        "from torch import nn\n"
        "model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.GELU(), nn.Flatten(), nn.LayerNorm(36))\n"
        "report = convinspect.inspect(model, (torch.zeros(1, 3, 5, 5),), device='meta')\n"
        "assert report.totals.memory.training is not None\n"
        "from convinspect.torch_private import compiler_questions\n"
        "print(len(compiler_questions()) > 100, 'torch._dynamo' in sys.modules)\n"
        "print(any(hasattr(function, '__dynamo_disable') for function in compiler_questions()))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.split() == ["True", "False", "False"]


def test_a_model_or_an_input_without_values_runs_on_meta() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 2))
    assert report_of(model, torch.zeros(1, 4, device="meta")).run.device == "meta"
    assert model[0].weight.device.type == "cpu"
    model[1].to("meta")
    report = report_of(model, torch.zeros(1, 4))
    assert (report.run.device, report.totals.macs) == ("meta", 24)
    assert model[0].weight.device.type == "cpu"


class Writing(nn.Module):
    """A model that writes to its weights, buffers and input in every way there is."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.register_buffer("queue", torch.zeros(4, 8))
        self.register_buffer("pointer", torch.zeros(2))
        self.log: list[int] = []
        self.cache: dict[str, torch.Tensor] = {}

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        weight = self.conv.weight
        weight.data.clamp_(max=0.0)
        weight.detach().mul_(2)
        weight.data.view(4, -1).add_(1)
        self.norm.weight.data = torch.full((4,), 7.0)
        self.queue[:, 0:2] = 3.0
        self.pointer.data = torch.ones(2)
        self.conv.bias.requires_grad_(requires_grad=False)
        self.conv.register_forward_hook(lambda *_: None)
        self.log.append(1)
        self.cache["x"] = x
        torch.set_num_threads(3)
        x.mul_(5)
        return self.conv(x)


@pytest.mark.parametrize("optimizer", [None, "adamw"])
def test_writes_through_views_data_and_containers_are_undone(optimizer: str | None) -> None:
    model, x = Writing(), torch.ones(2, 4, 5, 5)
    before, threads = copy.deepcopy(model.state_dict()), torch.get_num_threads()
    pointers = [p.data_ptr() for p in (*model.parameters(), *model.buffers())]
    inspect(model, (x,), optimizer=optimizer)
    _assert_same(before, model.state_dict(), "weights")
    assert pointers == [p.data_ptr() for p in (*model.parameters(), *model.buffers())]
    assert model.conv.bias.requires_grad
    assert (len(model.conv._forward_hooks), model.log, model.cache) == (0, [], {})  # noqa: SLF001
    assert torch.get_num_threads() == threads
    assert (x == 1).all()


def test_a_lazy_normalisation_is_given_its_shape() -> None:
    report = report_of(nn.Sequential(nn.LazyBatchNorm2d()), torch.randn(2, 3, 4, 4))
    assert (report.totals.params, report.totals.buffers) == (6, 7)


def test_a_module_put_in_during_the_run_is_no_part_of_the_model() -> None:
    class Replacing(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.conv = nn.Conv2d(3, 8, 5)
            return self.conv(x)

    model = Replacing()
    report = report_of(model, torch.zeros(1, 3, 9, 9), optimizer=None)
    assert report.totals.params == sum(p.numel() for p in model.parameters()) == 112


def test_one_tensor_given_twice_is_one_tensor_on_every_device() -> None:
    class Both(nn.Module):
        def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
            return a + b

    x = torch.zeros(1, 3, 4, 4)
    reports = [inspect(Both(), (x, x), device=device) for device in (None, "meta")]
    assert [r.totals.memory.input_bytes for r in reports] == [x.nbytes] * 2
    assert reports[0].layers[0].receptive_field == reports[1].layers[0].receptive_field


def _process() -> tuple[Any, ...]:
    hooks = sys.excepthook, sys.unraisablehook, sys.displayhook, threading.excepthook
    return Path.cwd(), dict(os.environ), list(sys.argv), sys.getrecursionlimit(), hooks


def test_what_python_keeps_for_the_process_comes_back() -> None:
    before = _process()
    inspect(Unruly(), torch.rand(1, 3))
    assert _process() == before


def test_what_a_file_changes_of_the_process_as_it_is_imported_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "unruly.py"
    path.write_text(
        "import os, sys, threading\nfrom torch import nn\nos.chdir('/')\nos.environ['HOME'] = '/nowhere'\n"
        "sys.excepthook = threading.excepthook = None\nsys.setrecursionlimit(5000)\n"
        "class Net(nn.Sequential):\n    def __init__(self):\n        super().__init__(nn.Linear(4, 2))\n"
    )
    before = _process()
    assert convinspect("summary", path, "-i", "4").code == 0
    assert _process() == before


class Peeking(nn.Module):
    """Writes into its input and looks at a value, so that a training step runs on a copy of it."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x.add_(1)
        return x * self.weight if (x @ self.weight).item() > 0 else x


def test_a_training_step_on_a_copy_leaves_the_input() -> None:
    x = torch.zeros(2)
    report = inspect(Peeking(), (x,))
    assert report.totals.memory is not None
    assert report.totals.memory.training is not None
    assert x.tolist() == [0, 0]


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_a_forward_that_lowers_the_limit_of_recursion_does_not_lower_ours(device: str) -> None:
    class Lowers(nn.Linear):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            sys.setrecursionlimit(len(stack(0)) + 60)
            return super().forward(x)

    before = sys.getrecursionlimit()
    with ThreadPoolExecutor(1) as threads:  # whose stack is as low as that of the command line
        report = threads.submit(inspect, Lowers(4, 4), torch.rand(2, 4), device=device).result()
    assert (report.failure, report.totals.macs) == (None, 32)
    assert report.totals.memory.training is not None
    assert sys.getrecursionlimit() == before


@pytest.mark.parametrize("device", [None, "meta"])
def test_a_lazy_model_may_keep_a_module_of_python(device: str | None) -> None:
    class Lazy(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.functions = nn.LazyLinear(3), nn.functional

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.functions.relu(self.layer(x))

    report = inspect(Lazy(), (torch.zeros(1, 7),), device=device)
    assert (report.failure, report.totals.macs, report.totals.params) == (None, 21, 24)
