"""One net run twice: as convinspect sees it, and for real under the allocator's eyes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from convinspect.inputs import given_inputs, holds_meta
from convinspect.load.python import adopt
from convinspect.records import Run, Trace, TrainingMemory
from convinspect.spec import Request, Target, UnitSpec
from convinspect.tensors.describe import tensors_in
from convinspect.trace import trace
from convinspect.trace.training.step import TrainingConfig
from convinspect.trace.unfuse import unfused
from tests.memory.allocator import Counted, count, storage_bytes

OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "sgd": torch.optim.SGD,
    "momentum": partial(torch.optim.SGD, momentum=0.9),
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
}


def traced(
    model: Any,
    *inputs: Tensor,
    training: TrainingConfig | None = None,
    train: bool = False,
    unit: UnitSpec | None = None,
) -> Trace:
    """Return the trace of a forward; where it ran is left out, for a run on meta must show the same."""
    optimizer, amp = (training.optimizer, training.amp) if training else (None, None)
    request = Request(Target("", "", None), train=train, unit=unit, optimizer=optimizer, amp=amp)
    loaded = adopt(model, "meta" if holds_meta(inputs) else None, request)
    return replace(trace(given_inputs(loaded, inputs, {})), run=Run("", "", None))


def inference_peak(model: nn.Module, *inputs: Tensor) -> int:
    """Return the estimated peak of a forward without gradients."""
    memory = traced(model, *inputs).memory
    assert memory is not None
    assert memory.inference_peak_bytes is not None
    return memory.inference_peak_bytes


def training_step(model: nn.Module, *inputs: Tensor, config: TrainingConfig | None = None) -> TrainingMemory:
    """Return the estimate of a training step."""
    found = traced(model, *inputs, training=config or TrainingConfig())
    assert found.memory is not None
    assert found.memory.training is not None, found.notes
    return found.memory.training


def counted_forward(model: nn.Module, *inputs: Tensor) -> Counted:
    """Return what the allocator counts in a forward without gradients, weights and inputs included."""
    model.eval()
    there = storage_bytes((*model.parameters(), *model.buffers(), *inputs))
    with torch.no_grad(), unfused():
        model(*inputs)
        counted = count(lambda: model(*inputs))
    return Counted(there + counted.peak, counted.scratch)


def counted_step(model: nn.Module, *inputs: Tensor, config: TrainingConfig, foreach: bool = False) -> Counted:
    """Return what the allocator counts in the second step of the usual loop: the first makes the states."""
    model.train()
    optimizer = OPTIMIZERS[config.optimizer](
        [p for p in model.parameters() if p.requires_grad], lr=1e-3, foreach=foreach
    )
    amp = torch.autocast("cpu", getattr(torch, config.amp)) if config.amp else nullcontext()

    def step() -> Any:
        optimizer.zero_grad()
        with amp:
            out = model(*inputs)
        loss = sum(tensor.sum() for tensor in tensors_in(out) if tensor.requires_grad)
        loss.backward()
        optimizer.step()
        return out, loss

    with unfused():
        step()
        optimizer.zero_grad()
        states = (tensor for state in optimizer.state.values() for tensor in tensors_in(state))
        there = storage_bytes((*model.parameters(), *model.buffers(), *inputs, *states))
        counted = count(step)
    return Counted(there + counted.peak, counted.scratch)
