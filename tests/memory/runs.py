"""One net run twice: as convinspect sees it, and for real under the allocator's eyes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from convinspect.fields import follow
from convinspect.records import Trace, TrainingStep
from convinspect.tensors.describe import tensors_in
from convinspect.trace import TrainingConfig, trace
from convinspect.trace.unfused import unfused
from tests.memory.allocator import Counted, count, storage_bytes

OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "sgd": torch.optim.SGD,
    "momentum": partial(torch.optim.SGD, momentum=0.9),
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
}


def traced(model: nn.Module, *inputs: Tensor, training: TrainingConfig | None = None, train: bool = False) -> Trace:
    """Return the trace of a forward that follows no receptive fields."""
    names = tuple(f"x{i}" for i in range(len(inputs)))
    fields = follow((), None, batched=True)
    return trace(model, inputs, {}, names, fields=fields, training=training, train=train)


def inference_peak(model: nn.Module, *inputs: Tensor) -> int:
    """Return the estimated peak of a forward without gradients."""
    memory = traced(model, *inputs).memory
    assert memory is not None
    assert memory.inference is not None
    return memory.inference.bytes


def training_step(model: nn.Module, *inputs: Tensor, plan: TrainingConfig | None = None) -> TrainingStep:
    """Return the estimate of a training step."""
    found = traced(model, *inputs, training=plan or TrainingConfig())
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


def counted_step(model: nn.Module, *inputs: Tensor, plan: TrainingConfig, foreach: bool = False) -> Counted:
    """Return what the allocator counts in the second step of the usual loop: the first makes the states."""
    model.train()
    optimizer = OPTIMIZERS[plan.optimizer]([p for p in model.parameters() if p.requires_grad], lr=1e-3, foreach=foreach)
    amp = torch.autocast("cpu", getattr(torch, plan.amp)) if plan.amp else nullcontext()

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
