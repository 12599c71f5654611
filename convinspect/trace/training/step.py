"""One whole step of training: forward, backward and the optimizer, storage by storage.

The step is the one of the usual loop, once the optimizer has its states::

    optimizer.zero_grad()
    out = model(*inputs)                          # in training mode, under autocast where asked for
    loss = sum(t.sum() for t in floating_outputs)
    loss.backward()
    optimizer.step()

It is really run, on stand-ins: what autograd saves, what checkpointing computes again, what a frozen part or a tied
weight spares and what ``torch.optim`` allocates comes out as torch does it. The inputs, ``out`` and ``loss`` are held
until the step is over; the gradients are set to ``None`` before the next one. The optimizer walks through the
parameters one by one, or all at once (``foreach``): its defaults on the CPU and on cuda. One by one, it only walks
through those whose turn is not like another's: a thousand layers alike need no thousand updates.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from inspect import unwrap
from typing import Any, TypeAlias

import torch
from torch import nn

from convinspect.records import AliveKind, ModuleCall, OpCall, Peak, Phase, TrainingStep
from convinspect.spec import AmpName, OptimizerName
from convinspect.tensors.describe import tensors_in
from convinspect.trace.memory.live import peak, where
from convinspect.trace.memory.timeline import Allocation, Timeline
from convinspect.trace.training.optimizer import kind_of, make_optimizer, optimizer_runs, states_of
from convinspect.trace.training.recorder import StepRecorder

_CPU = torch.device("cpu")

SavedBy: TypeAlias = tuple[str, int, str, int]
Scoped: TypeAlias = Callable[[nn.Module, Any], AbstractContextManager[Callable[..., Any]]]


class NothingToTrain(Exception):  # noqa: N818 - an answer, not an error
    """No floating output depends on a parameter of the model that can be trained."""


@dataclass(frozen=True, slots=True)
class TrainingConfig:
    """How to train: ``amp`` is the dtype that autocast computes in, or ``None``."""

    optimizer: OptimizerName = "adamw"
    amp: AmpName | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """What a step showed; ``saved`` says who keeps how many bytes for the backward pass.

    Its keys are path and number of the module call, the operator, and how often it ran in that call before.
    """

    fact: TrainingStep
    saved: Mapping[SavedBy, int]


def train_once(
    model: nn.Module,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    plan: TrainingConfig,
    scoped: Scoped,
    *,
    device: torch.device = _CPU,
    foreach: bool = False,
) -> Step:
    """Train ``model`` for one step on ``device`` and return what it needed; its parameters change.

    ``scoped`` follows the module calls of a run. ``foreach``: the optimizer updates all parameters at once. Raises
    `NothingToTrain`, and whatever the model raises.
    """
    recorder = StepRecorder()
    try:
        return _train(recorder, model, args, kwargs, plan, scoped, device=device, foreach=foreach)
    finally:
        recorder.put_gradients_back()


def _train(
    recorder: StepRecorder,
    model: nn.Module,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    plan: TrainingConfig,
    scoped: Scoped,
    *,
    device: torch.device,
    foreach: bool,
) -> Step:
    storages = recorder.memory.storages
    recorder.memory.expect(model, (args, kwargs))
    amp = torch.autocast(device.type, getattr(torch, plan.amp)) if plan.amp else nullcontext()
    with scoped(model, recorder) as run, torch.enable_grad(), recorder:
        with amp:
            out = run(*args, **kwargs)
        saved = _mark_saved(storages)
        outputs = [life for life in storages.lives_of(tensors_in(out)) if life.kind == "saved"]
        loss = _loss(out)
        for life in outputs:
            life.pinned = True
        del out
        for life in outputs:
            life.kind = "outputs" if life.gone else "saved"
        forward_ended = storages.now
        loss.backward()
    parameters = [parameter for parameter in model.parameters() if parameter.grad is not None]
    if not parameters:
        raise NothingToTrain
    gradient_bytes = _mark("gradients", (parameter.grad for parameter in parameters), storages)
    first = _Moment(recorder, "forward" if storages.peak_at < forward_ended else "backward")
    kinds = [kind_of(parameter) for parameter in parameters]
    optimizer = make_optimizer(
        plan.optimizer, [parameters] if foreach else optimizer_runs(parameters, kinds), foreach=foreach
    )
    # Without its wrappers: one imports the compiler, for a second.
    step = partial(unwrap(type(optimizer).step), optimizer)
    with recorder, torch.no_grad():
        step()
        bytes_of = {
            kind: _mark("optimizer", states_of(optimizer, parameter, device), storages)
            for parameter, kind in zip(parameters, kinds, strict=True)
            if parameter in optimizer.state
        }
        storages.settle()
        step()
    second = _Moment(recorder, "step")
    optimizer_bytes = sum(bytes_of.get(kind, 0) for kind in kinds)
    stepped_bytes = sum(
        bytes_of.get(kind, 0) for p, kind in zip(parameters, kinds, strict=True) if p in optimizer.state
    )
    moments = (first.peak(optimizer_bytes), second.peak(optimizer_bytes - stepped_bytes))
    highest = max(moments, key=lambda moment: moment.bytes)
    kept = {life: owner for life, owner in saved.items() if life.kind == "saved"}
    return Step(
        TrainingStep(
            optimizer=plan.optimizer,
            amp=plan.amp,
            gradient_bytes=gradient_bytes,
            optimizer_bytes=optimizer_bytes,
            saved_bytes=sum(life.bytes for life in kept),
            peak=highest,
        ),
        _by_operator(kept, recorder.scopes.calls),
    )


class _Moment:
    """The peak of a part of the step: what was alive, whatever it turns out to have been."""

    def __init__(self, recorder: StepRecorder, phase: Phase) -> None:
        self._phase = phase
        self._call = recorder.memory.peak_call()
        self._alive = list(recorder.memory.storages.alive_at(recorder.memory.storages.peak_at))
        self._recorder = recorder

    def peak(self, more_optimizer_bytes: int) -> Peak:
        """Return the peak with ``more_optimizer_bytes``: states that this run made later or not, and a loop has."""
        for life in self._alive:
            if life.kind == "activations":
                life.kind = "temporaries"
        states = [Allocation(more_optimizer_bytes, "optimizer", -1, 0)]
        return peak(self._phase, self._call, [*self._alive, *states], self._recorder.scopes.calls)


def _mark_saved(storages: Timeline) -> dict[Allocation, int]:
    """Mark the activations that have outlived the forward, and return them with the calls that made them."""
    lives = [life for life in storages.alive() if life.kind == "activations"]
    for life in lives:
        life.kind = "saved"
    return {life: life.owner for life in lives}


def _loss(out: Any) -> torch.Tensor:
    sums = [tensor.sum() for tensor in tensors_in(out) if tensor.is_floating_point() and tensor.requires_grad]
    if not sums:
        raise NothingToTrain
    total = sums[0]
    for term in sums[1:]:
        total = total + term
    return total


def _mark(kind: AliveKind, tensors: Iterable[Any], storages: Timeline) -> int:
    """Say what the storages of ``tensors`` are, and return their bytes."""
    lives = [life for life in storages.lives_of(tensors) if life.kind not in ("weights", "inputs")]
    for life in lives:
        life.kind = kind
    return sum(life.bytes for life in lives)


def _by_operator(kept: Mapping[Allocation, int], calls: Sequence[ModuleCall | OpCall]) -> dict[SavedBy, int]:
    """Return the bytes of ``kept`` by the operator that made them, named so that another run's can be found."""
    bytes_of: Counter[int] = Counter()
    for life, owner in kept.items():
        bytes_of[owner] += life.bytes
    return {name: bytes_of[index] for index, name in names_of(calls) if index in bytes_of}


def names_of(calls: Sequence[ModuleCall | OpCall]) -> Iterator[tuple[int, SavedBy]]:
    """Yield the index of every operator of ``calls`` with a name that the same operator has in another run."""
    ran: Counter[tuple[str, int, str]] = Counter()
    for index, call in enumerate(calls):
        if isinstance(call, OpCall):
            path, number, _ = where(index, calls)
            yield index, (path, number, call.op, ran[path, number, call.op])
            ran[path, number, call.op] += 1
