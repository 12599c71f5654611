"""Run a model once under the recorder and return the trace."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from convinspect.fields import FieldTracker, Reports, follow, notes_of
from convinspect.frontends import Frontend
from convinspect.frontends.modules import type_name
from convinspect.inputs import Prepared
from convinspect.records import Failure, ModuleCall, NamedTensor, Note, OpCall, Timelines, TotalMemory, Trace
from convinspect.records.memory import renamed
from convinspect.tensors.describe import named_records, tensors_in
from convinspect.tensors.registered import named_modules, own_tensors, set_training
from convinspect.torch_private import children_of, unwrapped
from convinspect.trace.fake.layouts import Layouts
from convinspect.trace.fake.leftovers import no_leftovers
from convinspect.trace.fake.mode import new_layouts
from convinspect.trace.fake.model import FakeModel, faked
from convinspect.trace.fake.tensor import FakeTensor
from convinspect.trace.foresight import refuse_what_does_not_fit
from convinspect.trace.higher_order import opened_up
from convinspect.trace.memory.history import of_forward
from convinspect.trace.memory.live import beside_elements, near
from convinspect.trace.memory.measured import measuring
from convinspect.trace.modules import module_records
from convinspect.trace.record.branches import Branches
from convinspect.trace.record.forward_failure import forward_failure
from convinspect.trace.record.origins import Origins
from convinspect.trace.record.recorder import Recorder
from convinspect.trace.restore import Kept, restored
from convinspect.trace.training.estimate import estimate_training
from convinspect.trace.training.same_calls import same_calls, with_saved
from convinspect.trace.training.step import TrainingConfig
from convinspect.trace.unfuse import unfused
from convinspect.users_code import refuse_for_want_of_memory, room_kept

# The seed of the run: a model that draws numbers to decide what to run must decide the same twice.
_SEED = 0
# What torch says where a forward asks autograd for a derivative while autograd is off.
_NO_GRADIENTS = "does not require grad"
# What torch's attention says of a nested tensor, which its fast path alone takes.
_NO_FASTPATH = "outside of its fast path"
# What is said of a tensor without data alone: by its name or its device, or by a kernel that looks for values in it.
_NO_DATA = re.compile(rf"{FakeTensor.__name__}|\bmeta\b|its data is not allocated")
_WITH_GRADIENTS = "the forward asks autograd for derivatives: it ran with gradients enabled, and their work is counted"


def trace(prepared: Prepared) -> Trace:
    """Return what one forward of the model shows, and leave the model as it was.

    On the meta device it runs on fake tensors. An exception of the forward ends the trace and is its ``failure``; the
    calls up to there are kept. Where the request has an optimizer, a training step is estimated as well.
    """
    with no_leftovers():
        return _trace(prepared)


def _trace(prepared: Prepared) -> Trace:
    loaded, layouts, batched = prepared.loaded, new_layouts(), prepared.is_batched
    given = _on_fakes(prepared, FakeModel(layouts))
    with loaded.runnable.running(given.args, given.kwargs) as running:
        frontend = running
        kept = Kept(frontend.module, (prepared.args, prepared.kwargs))
        refuse_what_does_not_fit(prepared, frontend, kept)
        ran = _run(prepared, frontend, kept, layouts, batched=batched)
        if ran.made:
            # What the first forward makes is there in every later one.
            frontend = frontend.having_run(given.args, given.kwargs)
            kept = Kept(frontend.module, (prepared.args, prepared.kwargs))
            ran = _run(prepared, frontend, kept, layouts, batched=batched)
        if batched and ran.fields.mixes_samples:
            again = _run(prepared, frontend, kept, layouts, batched=False)
            if _sees_several(again.found):
                batched, ran = False, again
        if ran.found.failure is not None and _NO_GRADIENTS in ran.found.failure.message:
            ran = _run(prepared, frontend, kept, layouts, batched=batched, gradients=True)
            ran.found = replace(ran.found, notes=(*ran.found.notes, Note("ran_with_gradients", _WITH_GRADIENTS)))
        if ran.found.failure is not None and _NO_FASTPATH in ran.found.failure.message:
            ran = _run(prepared, frontend, kept, layouts, batched=batched, fastpath=True)
        found = ran.found
        if found.memory is not None:
            found = _with_training(found, found.memory, prepared, frontend, kept, layouts)
    unit = ran.fields.answer() if found.failure is None else None
    missed = ran.missed_values or (found.failure is not None and _NO_DATA.search(found.failure.message) is not None)
    wants_values = missed and loaded.device == "meta" and found.failure is not None
    return replace(found, notes=(*found.notes, *notes_of(ran.fields)), unit=unit, wants_values=wants_values)


def _on_fakes(prepared: Prepared, fakes: FakeModel) -> Prepared:
    """Return ``prepared`` with ``fakes`` for its inputs, where the model is on the meta device."""
    if prepared.loaded.device != "meta":
        return prepared
    args, kwargs = fakes.replaced((prepared.args, prepared.kwargs))
    return replace(prepared, args=args, kwargs=kwargs)


def _fields(prepared: Prepared, *, batched: bool) -> FieldTracker:
    """Return what follows the request's input, from before the run; nothing where nobody looks at fields.

    ``batched``: its first axis counts samples.
    """
    request = prepared.loaded.request
    if not request.fields:
        return FieldTracker()
    tensors = [(name, unwrapped(tensor)) for name, tensor in prepared.tensors]
    fields = follow(tensors, request.field_of, batched=batched, axes=request.axes)
    if request.unit is not None:
        fields.ask(request.unit)
    if "units" in request.sections:
        fields.reports.with_units = True
    return fields


def _sees_several(found: Trace) -> bool:
    """Tell whether anything depends on several positions along the first axis of the followed input: on no samples."""
    fields = [output.receptive_field for call in found.calls for output in call.outputs]
    known = [field for field in fields if field is not None and field.axes[0] == 0 and field.status != "unknown"]
    return any(field.center and field.center[0] and field.center[0][0] < field.center[0][1] for field in known)


@dataclass(slots=True)
class _Ran:
    """One forward: what it showed, the fields of its tensors, whether it made parameters or missed values."""

    found: Trace
    fields: FieldTracker
    made: bool
    missed_values: bool


def _run(
    asked: Prepared,
    frontend: Frontend,
    kept: Kept,
    layouts: Layouts,
    *,
    batched: bool,
    gradients: bool = False,
    fastpath: bool = False,
) -> _Ran:
    """Run the forward alone, and put back what the model ``kept``; ``batched`` as for the fields.

    Autograd is off but for a model that asks for ``gradients`` in it, and so is attention's ``fastpath`` but for one
    that cannot do without.
    """
    fakes = FakeModel(layouts)
    prepared = _on_fakes(asked, fakes)
    fields = _fields(prepared, batched=batched)
    model, given = frontend.module, (prepared.args, prepared.kwargs)
    inputs, sections = _named_inputs(prepared), prepared.loaded.request.sections
    on_meta = prepared.loaded.device == "meta"
    timelines = None
    # The model itself is a row of its own, and so is what has modules below it.
    holders = {
        "",
        *(
            path
            for path, module in frontend.registered()
            if any(child is not None for child in children_of(module).values())
        ),
    }
    on_fakes, back = faked(model, fakes) if on_meta else nullcontext(), restored(model, given, kept)
    with on_fakes as mode, back as weights, unfused(fastpath=fastpath):
        origins = Origins(tensors_in(given)) if "graph" in sections else None
        recorder = Recorder(fields, weights.touch, origins, holders, mode)
        recorder.memory.expect(model, given)
        measurement = measuring(model, recorder.memory.timeline)
        branches = Branches(recorder, weights, measurement)
        there = _parameters(model)
        with opened_up(branches.chosen):
            out, stopped = _forward(frontend, prepared, recorder, gradients=gradients)
        made = not _parameters(model) <= there
        outputs = named_records(out, inside=True)
        memory = recorder.memory.record(recorder.calls) if stopped is None else None
        if memory is not None and measurement is not None:
            memory = replace(memory, measured=measurement.record())
        if stopped is None and "timeline" in sections:
            timelines = Timelines(of_forward(recorder.memory, recorder.calls), None)
    ran = {call.path for call in recorder.calls if isinstance(call, ModuleCall)}
    modules, notes = frontend.told(module_records(frontend, fakes.stand_for(weights.used)), ran)
    notes += (*beside_elements(frontend.module), *branches.note())
    if on_meta:
        notes += near("inference", recorder.calls)
    start = prepared.loaded.without_run()
    found = replace(
        start,
        run=replace(start.run, batch_size=prepared.batch_size),
        modules=modules,
        calls=_settled(recorder.calls, fields.reports),
        inputs=inputs,
        outputs=outputs,
        notes=(*start.notes, *notes),
        ran=True,
        failure=stopped,
        memory=memory,
        timelines=timelines,
    )
    return _Ran(found, fields, made, fakes.missed_values)


def _parameters(model: nn.Module) -> set[tuple[str, str]]:
    return {(path, name) for path, module in named_modules(model) for name, _ in own_tensors(module)[0]}


def _settled(calls: tuple[ModuleCall | OpCall, ...], reports: Reports) -> tuple[ModuleCall | OpCall, ...]:
    """Return ``calls`` with fields along the axes that turned out to be positions, and their units where asked for."""
    if reports.are_settled:
        return calls
    return tuple(_settled_call(call, reports) for call in calls)


def _settled_call(call: ModuleCall | OpCall, reports: Reports) -> ModuleCall | OpCall:
    outputs = [replace(one, receptive_field=reports.settled(one.receptive_field)) for one in call.outputs]
    units = next((reports.units(one.receptive_field) for one in call.outputs if one.receptive_field is not None), None)
    return replace(call, outputs=tuple(outputs), units=units)


def _forward(
    frontend: Frontend,
    prepared: Prepared,
    recorder: Recorder,
    *,
    gradients: bool,
) -> tuple[Any, Failure | None]:
    """Return what the model returns, or nothing and why it stopped; raises what is a fault of ours."""
    out: Any = None
    stopped: Failure | None = None
    try:
        set_training(frontend.module, mode=prepared.loaded.request.train)
        torch.manual_seed(_SEED)
        scopes, watched = frontend.scopes(recorder), recorder.watching()
        with torch.set_grad_enabled(gradients), scopes as run, recorder.recording(), watched, room_kept():
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


def _with_training(
    found: Trace, memory: TotalMemory, prepared: Prepared, frontend: Frontend, kept: Kept, layouts: Layouts
) -> Trace:
    """Return ``found`` with the estimate of a training step, where one is asked for."""
    request = prepared.loaded.request
    # The step runs without data, and an operator that writes files would read it all the same.
    if request.optimizer is None or request.allow_unsafe:
        return found
    config = TrainingConfig(request.optimizer, request.amp, timeline=found.timelines is not None)
    given, device = (prepared.args, prepared.kwargs), prepared.loaded.device
    step, notes = estimate_training(frontend, *given, config, device, kept, layouts, may_copy=request.fallback)
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
