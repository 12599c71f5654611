"""Run a model once under the recorder and return the trace."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import replace
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import UninitializedBuffer, is_lazy

from convinspect.records import Failure, ModuleCall, NamedTensor, Trace
from convinspect.tensors.describe import named_records
from convinspect.trace.fake.model import fake, faked, is_on_meta
from convinspect.trace.frontends.eager import eager_scopes
from convinspect.trace.frontends.export.inputs import check_inputs
from convinspect.trace.frontends.export.interpreter import exported_scopes, silent_modules
from convinspect.trace.frontends.export.model import ExportedModel, exported_model, is_exported_program
from convinspect.trace.frontends.torchscript.frozen import unfolded
from convinspect.trace.frontends.torchscript.markers import with_markers
from convinspect.trace.frontends.torchscript.parts import marked_parts
from convinspect.trace.frontends.torchscript.scopes import script_scopes
from convinspect.trace.memory.measured import measuring
from convinspect.trace.modules import module_records, type_name
from convinspect.trace.record.forward_failure import failure
from convinspect.trace.record.recorder import Fields, Recorder
from convinspect.trace.record.scopes import Scopes
from convinspect.trace.restore.model import restored
from convinspect.trace.training.estimate import NO_STEP, estimate_training, with_saved
from convinspect.trace.training.step import TrainingConfig
from convinspect.trace.unfused import unfused

# The seed of the run: a model that draws numbers to decide what to run must decide the same twice.
_SEED = 0


def trace(
    model: nn.Module,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    names: tuple[str, ...],
    *,
    fields: Fields,
    train: bool = False,
    disposable: bool = False,
    training: TrainingConfig | None = None,
) -> Trace:
    """Return what one forward of ``model`` with ``args`` and ``kwargs`` shows, and leave the model as it was.

    ``names`` are the report's names of ``args``. Where the model is on the meta device it runs on stand-ins (see
    `fake`); whoever follows inputs by identity makes them with `fake` before. An exception of the forward
    ends the trace and is its ``failure``; the calls up to there are kept. A ``disposable`` model was loaded for
    this run alone: it need not be copied before its graphs are changed. With a plan for ``training`` a step of it
    is rehearsed as well.
    """
    subject = _subject(model, args, kwargs, names, disposable=disposable)
    with marked_parts(subject):
        on_meta = is_on_meta(subject, (args, kwargs))
        if on_meta:
            args, kwargs = fake((args, kwargs))
        inputs = _named_inputs(args, kwargs, names)
        with faked(subject) if on_meta else nullcontext():
            with restored(subject, (args, kwargs)) as weights, unfused():
                recorder = Recorder(Scopes(), fields, weights.touch)
                recorder.memory.expect(subject, (args, kwargs))
                measurement = measuring(subject, recorder.memory.storages)
                out, stopped = _forward(subject, args, kwargs, recorder, train=train)
                outputs = named_records(out)
                memory = recorder.memory.fact(recorder.scopes.calls) if stopped is None else None
                if memory is not None and measurement is not None:
                    memory = replace(memory, measured=measurement.fact())
            modules, notes = unfolded(subject, module_records(subject, weights.used))
            notes += silent_modules(
                subject, modules, {c.path for c in recorder.scopes.calls if isinstance(c, ModuleCall)}
            )
        calls = recorder.scopes.calls
        if training is not None and memory is not None:
            exported = isinstance(subject, ExportedModel)
            step, why_not = NO_STEP if exported else estimate_training(subject, args, kwargs, training, _scopes)
            notes += why_not
            calls = with_saved(calls, step.saved if step else None)
            memory = replace(memory, training=step.fact if step else None)
        return Trace(modules, calls, inputs, outputs, notes, failure=stopped, memory=memory)


def _forward(
    subject: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], recorder: Recorder, *, train: bool
) -> tuple[Any, Failure | None]:
    """Return what the model returns, or nothing and why it stopped; raises what is a fault of ours."""
    out: Any = None
    stopped: Failure | None = None
    try:
        subject.train(train)
        torch.manual_seed(_SEED)
        with torch.no_grad(), _scopes(subject, recorder) as run, recorder:
            out = run(*args, **kwargs)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - the user's forward may raise anything, exit too
        stopped = failure(error, recorder)
    if recorder.defect is not None:
        raise recorder.defect
    if isinstance(out, (Iterator, Coroutine, AsyncIterator)):
        if isinstance(out, Coroutine):
            out.close()  # else Python says on stderr that nobody awaited it
        kind = type(out).__name__
        stopped = Failure("", type_name(subject), f"{type_name(subject)} returned a {kind}: its work has not been done")
        out = None
    return out, stopped


def _named_inputs(args: tuple[Any, ...], kwargs: dict[str, Any], names: tuple[str, ...]) -> tuple[NamedTensor, ...]:
    positional = (fact for arg, name in zip(args, names, strict=True) for fact in named_records(arg, name))
    return (*positional, *(fact for name, value in kwargs.items() for fact in named_records(value, name)))


def _subject(
    model: Any, args: tuple[Any, ...], kwargs: dict[str, Any], names: tuple[str, ...], *, disposable: bool
) -> nn.Module:
    """Return what is run in place of ``model``: itself, or a copy where running it would change it."""
    if isinstance(model, torch.jit.ScriptModule):
        marked: nn.Module = with_markers(model, disposable=disposable)
        return marked
    if is_exported_program(model):
        check_inputs(model, args, kwargs, names)
        return exported_model(model)
    return _materialised(model, args, kwargs) if _is_lazy(model) else model


def _scopes(subject: nn.Module, recorder: Recorder) -> AbstractContextManager[Callable[..., Any]]:
    if isinstance(subject, ExportedModel):
        return exported_scopes(subject, recorder)
    return (script_scopes if isinstance(subject, torch.jit.ScriptModule) else eager_scopes)(subject, recorder)


def _materialised(model: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> nn.Module:
    """Return a copy of a lazy model that has run once, which gives its parameters their shapes."""
    # A lazy buffer cannot be deep-copied as it is.
    lazy = {id(b): UninitializedBuffer(device=b.device, dtype=b.dtype) for b in model.buffers() if is_lazy(b)}  # type: ignore[call-arg] # torch leaves its signature out
    subject = copy.deepcopy(model, lazy)
    # What is wrong with this forward is told by the one that is recorded.
    with suppress(Exception), torch.random.fork_rng(), torch.no_grad():
        subject.eval()(*args, **kwargs)
    return subject


def _is_lazy(model: nn.Module) -> bool:
    return any(map(is_lazy, (*model.parameters(), *model.buffers())))
