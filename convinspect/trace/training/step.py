"""One whole step of training: forward, backward and the optimizer, storage by storage.

The step is the one of the usual loop, once the optimizer has its states::

    optimizer.zero_grad()
    out = model(*inputs)                          # in training mode, under autocast where asked for
    loss = sum(t.sum() for t in floating_outputs)   # of complex ones both parts
    loss.backward()
    optimizer.step()

It is really run, on fake tensors: what autograd saves, what checkpointing computes again, what a frozen part or a
tied weight spares and what ``torch.optim`` allocates comes out as torch does it. The inputs, ``out`` and ``loss`` are
held until the step is over; the gradients are set to ``None`` before the next one. The optimizer walks through the
parameters one by one, or all at once (``foreach``): its defaults on the CPU and on cuda. One by one, it only walks
through those whose turn is not like another's: a thousand layers alike need no thousand updates.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from inspect import unwrap
from typing import Any

import torch
from torch import nn

from convinspect import records
from convinspect.frontends import Frontend
from convinspect.records import AliveKind, ModuleCall, OpCall, Peak, Phase, TrainingMemory
from convinspect.spec import AmpName, OptimizerName
from convinspect.tensors.describe import returned_tensors
from convinspect.tensors.registered import registered_parameters
from convinspect.trace.fake.mode import FakeMode
from convinspect.trace.memory.history import Span, history
from convinspect.trace.memory.live import LiveBytes, peak
from convinspect.trace.memory.timeline import START, Allocation, Timeline
from convinspect.trace.training.optimizer import kind_of, make_optimizer, optimizer_runs, states_of
from convinspect.trace.training.recorder import StepRecorder
from convinspect.trace.training.same_calls import SavedBy, by_operator
from convinspect.users_code import room_kept

_CPU = torch.device("cpu")

# The attribute of an exception that says who raised it, where it was not the model.
RAISED_BY = "_convinspect_raised_by"


class NothingToTrain(Exception):  # noqa: N818 - an answer, not an error
    """No floating output depends on a parameter of the model that can be trained."""


class NoTensors(Exception):  # noqa: N818 - an answer, not an error
    """No tensor was found in what the model returned; says what that was."""


@dataclass(frozen=True, slots=True)
class TrainingConfig:
    """How to train: ``amp`` is the dtype that autocast computes in, or ``None``; ``timeline``: it is asked for."""

    optimizer: OptimizerName = "adamw"
    amp: AmpName | None = None
    timeline: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """What a step showed; ``saved`` says who keeps how many bytes for the backward pass.

    Its keys are path and number of the module call, the operator, and how often it ran in that call before.
    ``calls`` are the step's own, which the owners of its ``timeline`` are of.
    """

    record: TrainingMemory
    saved: Mapping[SavedBy, int]
    calls: tuple[ModuleCall | OpCall, ...]
    timeline: records.Timeline | None = None


def train_once(
    frontend: Frontend,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    config: TrainingConfig,
    *,
    fakes: FakeMode | None = None,
    device: torch.device = _CPU,
    foreach: bool = False,
) -> Step:
    """Train the model for one step on ``device`` and return what it needed; its parameters change.

    ``fakes`` is the mode that is on where they are fake; ``foreach``: the optimizer updates all parameters at once.
    Raises `NothingToTrain`, `NoTensors` and whatever the model, its backward pass or the optimizer raises: the two are
    named on the error (`RAISED_BY`).
    """
    recorder = StepRecorder(fakes)
    timeline = recorder.memory.timeline
    recorder.memory.expect(frontend.module, (args, kwargs))
    amp = torch.autocast(device.type, getattr(torch, config.amp)) if config.amp else nullcontext()
    try:
        with frontend.scopes(recorder) as run, torch.enable_grad(), recorder.recording():
            with amp, room_kept():
                out = run(*args, **kwargs)
            saved = [allocation for allocation in timeline.alive() if allocation.kind == "activations"]
            _mark(saved, "saved")
            outputs = [allocation for allocation in timeline.find(returned_tensors(out)) if allocation.kind == "saved"]
            loss = _loss(out)
            for allocation in outputs:
                allocation.pinned = True
            del out
            _mark((allocation for allocation in outputs if allocation.gone), "outputs")
            forward_ended = timeline.now
            with _named("the backward pass"):
                loss.backward()
        parameters = [parameter for parameter in registered_parameters(frontend.module) if parameter.grad is not None]
        if not parameters:
            raise NothingToTrain
        gradient_bytes = _mark(_others(timeline, (parameter.grad for parameter in parameters)), "gradients")
        backward_ended = timeline.now
        before = _Moment(recorder.memory, "forward" if timeline.peak_at < forward_ended else "backward")
        with _named(f"the optimizer ({config.optimizer})"):
            state_bytes, unmade, began = _optimize(recorder, parameters, config, device, foreach=foreach)
        after = _Moment(recorder.memory, "step")
    finally:
        recorder.put_gradients_back()
    calls = recorder.calls
    kept = [allocation for allocation in saved if allocation.kind == "saved"]
    highest = max(before.peak(calls, state_bytes), after.peak(calls, unmade), key=lambda moment: moment.bytes)
    record = TrainingMemory(
        optimizer=config.optimizer,
        gradient_bytes=gradient_bytes,
        optimizer_bytes=state_bytes,
        saved_bytes=sum(allocation.bytes for allocation in kept),
        peak_bytes=highest.bytes,
        amp=config.amp,
        peak=highest,
    )
    phases: list[Span] = [
        ("forward", 0, forward_ended),
        ("backward", forward_ended, backward_ended),
        ("step", began, timeline.now),
    ]
    lives = _history(recorder.memory, phases, calls, unmade) if config.timeline else None
    return Step(record, by_operator(kept, calls), calls, lives)


@contextmanager
def _named(who: str) -> Iterator[None]:
    """Say on an error of the block that it is not the model's own."""
    try:
        yield
    except Exception as error:
        with suppress(AttributeError):  # an exception class of the user's with slots
            setattr(error, RAISED_BY, who)
        raise


def _optimize(
    recorder: StepRecorder,
    parameters: list[nn.Parameter],
    config: TrainingConfig,
    device: torch.device,
    *,
    foreach: bool,
) -> tuple[int, int, int]:
    """Let the optimizer step twice, and look at the second time.

    Returns the bytes of all states, and of those that were not made: their parameters are like others; and the moment
    at which the second step began.
    """
    timeline = recorder.memory.timeline
    kinds = [kind_of(parameter) for parameter in parameters]
    runs = [parameters] if foreach else optimizer_runs(parameters, kinds, for_peak=not config.timeline)
    optimizer = make_optimizer(config.optimizer, runs, foreach=foreach)
    # Without its wrappers: one imports the compiler, for a second.
    step = partial(unwrap(type(optimizer).step), optimizer)
    with recorder.recording(), torch.no_grad():
        step()
        made = 0
        bytes_of: dict[Any, int] = {}
        bytes_in: dict[Any, tuple[int, int]] = {}
        for parameter, kind in zip(parameters, kinds, strict=True):
            if parameter in optimizer.state:
                states = list(states_of(optimizer, parameter, device))
                size = bytes_of[kind.exact] = _mark(_others(timeline, states), "optimizer")
                made += size
                # What has the parameter's shape grows with its elements, and the rest is the same for all.
                if kind.family is not None:
                    an_element = sum(state.itemsize for state in states if state.shape == parameter.shape)
                    bytes_in[kind.family] = an_element, size - an_element * kind.elements
        timeline.settle()
        began = timeline.now
        step()
    every = 0
    for kind in kinds:
        an_element, rest = bytes_in.get(kind.family, (0, 0))
        every += bytes_of.get(kind.exact, an_element * kind.elements + rest)
    return every, every - made, began


def _history(
    memory: LiveBytes, phases: Sequence[Span], calls: Sequence[ModuleCall | OpCall], more_state_bytes: int
) -> records.Timeline:
    """Return the timeline of the step in a loop: the optimizer has its states from the start on."""
    _mark((one for one in memory.timeline.allocations() if one.kind == "activations"), "temporaries")
    memory.timeline.assume(more_state_bytes, "optimizer")
    return history(memory, phases, calls)


class _Moment:
    """The peak so far: what was alive, whatever it turns out to have been."""

    def __init__(self, memory: LiveBytes, phase: Phase) -> None:
        self._phase = phase
        self._call = memory.peak_call()
        self._alive = list(memory.timeline.alive_at(memory.timeline.peak_at))

    def peak(self, calls: Sequence[ModuleCall | OpCall], more_state_bytes: int) -> Peak:
        """Return the peak with states of the optimizer that a loop has then, and this run made later or not."""
        _mark((allocation for allocation in self._alive if allocation.kind == "activations"), "temporaries")
        states = Allocation(more_state_bytes, "optimizer", START, START)
        return peak(self._phase, self._call, [*self._alive, states], calls)


def _mark(allocations: Iterable[Allocation], kind: AliveKind) -> int:
    """Say what ``allocations`` are, and return their bytes."""
    total = 0
    for allocation in allocations:
        allocation.kind = kind
        total += allocation.bytes
    return total


def _others(timeline: Timeline, tensors: Iterable[Any]) -> list[Allocation]:
    """Return what ``tensors`` lie in besides weights and inputs."""
    return [allocation for allocation in timeline.find(tensors) if allocation.kind not in ("weights", "inputs")]


def _loss(out: Any) -> torch.Tensor:
    found = list(returned_tensors(out))
    if not found:
        raise NoTensors(type(out).__name__)
    sums = [_real(tensor).sum() for tensor in found if tensor.requires_grad]
    if not sums:
        raise NothingToTrain
    total = sums[0]
    for term in sums[1:]:
        total = total + term
    return total


def _real(tensor: torch.Tensor) -> torch.Tensor:
    return torch.view_as_real(tensor.resolve_conj()) if tensor.is_complex() else tensor
