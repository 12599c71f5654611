"""Run a model once under the recorder and return the trace."""

from __future__ import annotations

from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from convinspect.fields import FieldTracker, follow, notes_of
from convinspect.frontends import Frontend
from convinspect.frontends.modules import type_name
from convinspect.inputs import Prepared
from convinspect.records import Failure, Memory, ModuleCall, NamedTensor, Note, OpCall, Timelines, Trace
from convinspect.records.timeline import renamed
from convinspect.tensors.describe import named_records, tensors_in
from convinspect.tensors.registered import named_modules, own_tensors, set_training
from convinspect.torch_private import unwrapped
from convinspect.trace.fake.leftovers import no_leftovers
from convinspect.trace.fake.model import FakeModel, faked
from convinspect.trace.fake.tensor import FakeTensor
from convinspect.trace.foresight import refuse_what_does_not_fit
from convinspect.trace.higher_order import opened_up
from convinspect.trace.memory.history import of_forward
from convinspect.trace.memory.live import near
from convinspect.trace.memory.measured import measuring
from convinspect.trace.modules import module_records
from convinspect.trace.record.branches import Branches
from convinspect.trace.record.forward_failure import forward_failure
from convinspect.trace.record.origins import Origins
from convinspect.trace.record.recorder import Recorder
from convinspect.trace.restore import restored
from convinspect.trace.training.estimate import estimate_training, with_saved
from convinspect.trace.training.step import TrainingConfig, same_calls
from convinspect.trace.unfuse import unfused
from convinspect.users_code import refuse_for_want_of_memory, room_kept

# The seed of the run: a model that draws numbers to decide what to run must decide the same twice.
_SEED = 0
# What torch says where a forward asks autograd for a derivative while autograd is off.
_NO_GRADIENTS = "does not require grad"
# What torch's attention says of a nested tensor, which its fast path alone takes.
_NO_FASTPATH = "outside of its fast path"
_WITH_GRADIENTS = "the forward asks autograd for derivatives: it ran with gradients enabled, and their work is counted"


def trace(prepared: Prepared) -> Trace:
    """Return what one forward of the model shows, and leave the model as it was.

    On the meta device it runs on fake tensors. An exception of the forward ends the trace and is its ``failure``; the
    calls up to there are kept. Where the request has an optimizer, a training step is estimated as well.
    """
    with no_leftovers():
        return _trace(prepared)


def _trace(prepared: Prepared) -> Trace:
    loaded = prepared.loaded
    fakes = FakeModel() if loaded.device == "meta" else None
    asked = prepared
    if fakes is not None:
        args, kwargs = fakes.replaced((prepared.args, prepared.kwargs))
        prepared = replace(prepared, args=args, kwargs=kwargs)
    with loaded.runnable.running(prepared.args, prepared.kwargs) as running:
        frontend = running
        refuse_what_does_not_fit(prepared, frontend)
        fields = _fields(prepared)
        found, made = _run(prepared, frontend, fields, fakes)
        if made:
            # What the first forward makes is there in every later one.
            frontend, fields = frontend.having_run(prepared.args, prepared.kwargs), _fields(prepared)
            found, _ = _run(prepared, frontend, fields, fakes)
        if found.failure is not None and _NO_GRADIENTS in found.failure.message:
            fields = _fields(prepared)
            again, _ = _run(prepared, frontend, fields, fakes, gradients=True)
            found = replace(again, notes=(*again.notes, Note("ran_with_gradients", _WITH_GRADIENTS)))
        if found.failure is not None and _NO_FASTPATH in found.failure.message:
            fields = _fields(prepared)
            found, _ = _run(prepared, frontend, fields, fakes, fastpath=True)
        if found.memory is not None:
            found = _with_training(found, found.memory, asked, frontend)
    unit = fields.answer() if found.failure is None else None
    wants_values = False
    if fakes is not None and found.failure is not None:
        # What names a tensor without data would not have failed on another.
        wants_values = fakes.missed_values or FakeTensor.__name__ in found.failure.message
    return replace(found, notes=(*found.notes, *notes_of(fields)), unit=unit, wants_values=wants_values)


def _fields(prepared: Prepared) -> FieldTracker:
    """Return what follows the request's input, from before the run."""
    request = prepared.loaded.request
    tensors = [(name, unwrapped(tensor)) for name, tensor in prepared.tensors]
    fields = follow(tensors, request.field_of, batched=prepared.is_batched, axes=request.axes)
    if request.unit is not None:
        fields.ask(request.unit)
    if "units" in request.sections:
        fields.ask_all()
    return fields


def _run(
    prepared: Prepared,
    frontend: Frontend,
    fields: FieldTracker,
    fakes: FakeModel | None,
    *,
    gradients: bool = False,
    fastpath: bool = False,
) -> tuple[Trace, bool]:
    """Return the trace of the forward alone, and whether it made parameters.

    Autograd is off but for a model that asks for ``gradients`` in it, and so is attention's ``fastpath`` but for one
    that cannot do without.
    """
    model, given = frontend.module, (prepared.args, prepared.kwargs)
    inputs, sections = _named_inputs(prepared), prepared.loaded.request.sections
    timelines = None
    with faked(model, fakes) if fakes is not None else nullcontext():
        with restored(model, given) as weights, unfused(fastpath=fastpath):
            origins = Origins(tensors_in(given)) if "graph" in sections else None
            recorder = Recorder(fields, weights.touch, origins)
            recorder.memory.expect(model, given)
            measurement = measuring(model, recorder.memory.timeline)
            branches = Branches(recorder, weights, measurement)
            there = _parameters(model)
            with opened_up(branches.chosen):
                # The fast path refuses to run where somebody looks at functions.
                watching = nullcontext() if fastpath else recorder.watching
                out, stopped = _forward(frontend, prepared, recorder, watching, gradients=gradients)
            made = not _parameters(model) <= there
            outputs = named_records(out, inside=True)
            memory = recorder.memory.record(recorder.calls) if stopped is None else None
            if memory is not None and measurement is not None:
                memory = replace(memory, measured=measurement.record())
            if stopped is None and "timeline" in sections:
                timelines = Timelines(of_forward(recorder.memory, recorder.calls), None)
        ran = {call.path for call in recorder.calls if isinstance(call, ModuleCall)}
        modules, notes = frontend.told(module_records(frontend, weights.used), ran)
        notes += branches.note()
        if fakes is not None:
            notes += near("inference", recorder.calls)
    start = prepared.loaded.without_run()
    found = replace(
        start,
        run=replace(start.run, batch_size=prepared.batch_size),
        modules=modules,
        calls=tuple(_settled(call, fields) for call in recorder.calls),
        inputs=inputs,
        outputs=outputs,
        notes=(*start.notes, *notes),
        ran=True,
        failure=stopped,
        memory=memory,
        timelines=timelines,
    )
    return found, made


def _parameters(model: nn.Module) -> set[tuple[str, str]]:
    return {(path, name) for path, module in named_modules(model) for name, _ in own_tensors(module)[0]}


def _settled(call: ModuleCall | OpCall, fields: FieldTracker) -> ModuleCall | OpCall:
    """Return ``call`` with fields along the axes that turned out to be positions, and its units where asked for."""
    outputs = [replace(one, receptive_field=fields.settled(one.receptive_field)) for one in call.outputs]
    units = next((fields.units(one.receptive_field) for one in call.outputs if one.receptive_field is not None), None)
    return replace(call, outputs=tuple(outputs), units=units)


def _forward(
    frontend: Frontend,
    prepared: Prepared,
    recorder: Recorder,
    watching: AbstractContextManager[Any],
    *,
    gradients: bool,
) -> tuple[Any, Failure | None]:
    """Return what the model returns, or nothing and why it stopped; raises what is a fault of ours."""
    out: Any = None
    stopped: Failure | None = None
    try:
        set_training(frontend.module, mode=prepared.loaded.request.train)
        torch.manual_seed(_SEED)
        with torch.set_grad_enabled(gradients), frontend.scopes(recorder) as run, recorder, watching, room_kept():
            out = run(*prepared.args, **prepared.kwargs)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - the user's forward may raise anything, exit too
        refuse_for_want_of_memory(error, "the forward")
        stopped = forward_failure(error, recorder)
        recorder.add_what_raised(error)
    if recorder.defect is not None:
        raise recorder.defect
    if isinstance(out, (Iterator, Coroutine, AsyncIterator)):
        if isinstance(out, Coroutine):
            out.close()  # else Python says on stderr that nobody awaited it
        kind, name = type(out).__name__, type_name(frontend.module)
        stopped = Failure("", name, f"{name} returned a {kind}: its work has not been done")
        out = None
    return out, stopped


def _with_training(found: Trace, memory: Memory, prepared: Prepared, frontend: Frontend) -> Trace:
    """Return ``found`` with the estimate of a training step, where one is asked for."""
    request = prepared.loaded.request
    # The step runs without data, and an operator that writes files would read it all the same.
    if request.optimizer is None or request.allow_unsafe:
        return found
    config = TrainingConfig(request.optimizer, request.amp, timeline=found.timelines is not None)
    step, notes = estimate_training(
        frontend, prepared.args, prepared.kwargs, config, prepared.loaded.device, may_copy=request.fallback
    )
    found = replace(found, notes=(*found.notes, *notes))
    if step is None:
        return found
    if found.timelines is not None and step.timeline is not None:
        training = renamed(step.timeline, same_calls(step.calls, found.calls))
        found = replace(found, timelines=replace(found.timelines, training=training))
    return replace(found, calls=with_saved(found.calls, step.saved), memory=replace(memory, training=step.record))


def _named_inputs(prepared: Prepared) -> tuple[NamedTensor, ...]:
    named = (*zip(prepared.names, prepared.args, strict=True), *prepared.kwargs.items())
    return tuple(record for name, value in named for record in named_records(value, name))
