"""A training step of a model that comes to no harm: on stand-ins, else on a copy, else not known."""

from __future__ import annotations

import copy
import io
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, redirect_stdout
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from convinspect.records import ModuleCall, Note, OpCall
from convinspect.trace.fake.model import FakeModel, faked, is_on_meta
from convinspect.trace.restore.model import restored
from convinspect.trace.training.step import NothingToTrain, SavedBy, Scoped, Step, TrainingConfig, names_of, train_once
from convinspect.trace.unfused import unfused

_CPU = torch.device("cpu")
_SEED = 0
_AS_ON_CPU = (
    "the training step is estimated with the operators of the CPU: cuda's keep other masks, statistics and workspaces"
)

# The answer for an exported program.
NO_STEP = (
    None,
    (
        Note(
            "training_unknown",
            "what a training step needs is not known: an exported program is the graph of the mode it was exported in",
        ),
    ),
)


def estimate_training(
    model: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], plan: TrainingConfig, scoped: Scoped
) -> tuple[Step | None, tuple[Note, ...]]:
    """Return what one training step of ``model`` needs, with notes; ``None`` and why where that is not known.

    It runs in training mode on stand-ins. Where the model looks at values that stand-ins do not have, it runs for
    real on a copy, unless it is on the meta device and has none either. Stand-ins take the CPU's operators also for
    a model on cuda, whose optimizers update all parameters at once.
    """
    device = _device_of(model)
    foreach = device.type == "cuda"

    def on_stand_ins(subject: nn.Module, cast: FakeModel) -> Step:
        given, named = cast.replaced((args, kwargs))
        return train_once(subject, given, named, plan, scoped, foreach=foreach)

    def on_a_copy(subject: nn.Module, _: None) -> Step:
        return train_once(subject, args, kwargs, plan, scoped, device=device, foreach=foreach)

    step = _attempt(lambda: _on_stand_ins(model), on_stand_ins)
    notes = (Note("training_as_on_cpu", _AS_ON_CPU),) if foreach else ()
    if isinstance(step, str) and not is_on_meta(model, (args, kwargs)):
        notes = ()
        step = _attempt(lambda: nullcontext((copy.deepcopy(model), None)), on_a_copy)
    if isinstance(step, Step):
        return step, notes
    return None, (_why_not(step),)


def _attempt(
    prepare: Callable[[], AbstractContextManager[tuple[nn.Module, Any]]], train: Callable[[nn.Module, Any], Step]
) -> Step | str | None:
    """Return a step, ``None`` where there is nothing to train, or what the model raised."""
    try:
        with prepare() as (subject, cast), restored(subject), unfused(), _unheard():
            torch.manual_seed(_SEED)
            subject.train()
            return train(subject, cast)
    except NothingToTrain:
        return None
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the user's forward may raise anything
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


@contextmanager
def _unheard() -> Iterator[None]:
    """Keep to ourselves what the model says a second time."""
    with redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _why_not(raised: str | None) -> Note:
    if raised is None:
        message = (
            "no floating output depends on a parameter of the model that requires a gradient: nothing can be trained"
        )
        return Note("nothing_to_train", message)
    message = f"what a training step needs is not known: in training mode the model raised {raised}"
    return Note("training_unknown", message)


def with_saved(
    calls: Sequence[ModuleCall | OpCall], saved: Mapping[SavedBy, int] | None
) -> tuple[ModuleCall | OpCall, ...]:
    """Return ``calls`` with the bytes that the same operators of a training step save.

    What operators save that training alone runs is put down to their module's call.
    """
    if saved is None:
        return tuple(calls)
    left = dict(saved)
    marked = list(calls)
    for index, name in names_of(calls):
        marked[index] = replace(calls[index], saved_bytes=left.pop(name, 0))
    extra: Counter[tuple[str, int]] = Counter()
    for (path, number, _, _), size in left.items():
        extra[path, number] += size
    for index, call in enumerate(calls):
        if isinstance(call, ModuleCall):
            marked[index] = replace(call, saved_bytes=extra.pop((call.path, call.number), 0))
    return _at_the_root(marked, sum(extra.values()))


def _at_the_root(calls: list[ModuleCall | OpCall], size: int) -> tuple[ModuleCall | OpCall, ...]:
    """Put what modules save that ran in training alone down to the model itself."""
    first = calls[0] if calls else None
    if size and isinstance(first, ModuleCall):
        calls[0] = replace(first, saved_bytes=(first.saved_bytes or 0) + size)
    return tuple(calls)


@contextmanager
def _on_stand_ins(model: nn.Module) -> Iterator[tuple[nn.Module, FakeModel]]:
    cast = FakeModel(everything=True)
    with faked(model, cast):
        yield model, cast


def _device_of(model: nn.Module) -> torch.device:
    found = next((tensor.device for tensor in (*model.parameters(), *model.buffers())), _CPU)
    return _CPU if found.type == "meta" else found
