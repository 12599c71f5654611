"""What a forward on the cpu will need, found out on fake tensors before a run that may not fit."""

from __future__ import annotations

from contextlib import suppress

import torch

from convinspect.fields import FieldTracker
from convinspect.frontends import Frontend
from convinspect.inputs import Prepared
from convinspect.machine import available_bytes, require
from convinspect.tensors.describe import tensors_in
from convinspect.tensors.registered import registered_tensors, set_training
from convinspect.trace.apart import CannotBeKeptApart, apart
from convinspect.trace.fake.model import FakeModel, faked
from convinspect.trace.higher_order import opened_up
from convinspect.trace.record.recorder import Recorder
from convinspect.trace.restore import Kept, restored
from convinspect.trace.unfuse import unfused
from convinspect.users_code import unheard

# A forward that takes so many times its weights and inputs is rare: whatever is smaller runs without being asked.
_USUAL = 256
_SEED = 0


def refuse_what_does_not_fit(prepared: Prepared, frontend: Frontend, kept: Kept) -> None:
    """Raise `UsageError` where the forward on the cpu needs more than the memory that is available.

    ``kept`` is what the model and its inputs hold.
    """
    if prepared.loaded.device != "cpu":
        return
    free, held = available_bytes(), _held(prepared, frontend)
    if free is None or held * _USUAL < free:
        return
    peak = _peak(prepared, frontend, kept)
    if peak is not None:
        require(peak - held, free, "besides its weights and inputs the forward on cpu")


def _held(prepared: Prepared, frontend: Frontend) -> int:
    tensors = (*registered_tensors(frontend.module), *tensors_in((prepared.args, prepared.kwargs)))
    return sum(tensor.nbytes for tensor in tensors if tensor.layout is torch.strided)


def _peak(prepared: Prepared, frontend: Frontend, kept: Kept) -> int | None:
    """Return the bytes at the peak of a forward; ``None`` where it cannot be run beforehand."""
    fakes = FakeModel()
    try:
        run = apart(frontend, prepared.args, prepared.kwargs, kept)
    except CannotBeKeptApart:
        return None
    args, kwargs = fakes.replaced((run.args, run.kwargs))
    model = run.frontend.module
    back = restored(model, (args, kwargs), run.kept)
    with suppress(Exception, SystemExit), faked(model, fakes) as mode, back as weights, unfused():
        recorder = Recorder(FieldTracker(), weights.touch, fakes=mode)
        recorder.memory.expect(model, (args, kwargs))
        set_training(model, mode=prepared.loaded.request.train)
        torch.manual_seed(_SEED)
        with unheard(), torch.no_grad(), opened_up(), run.frontend.scopes(recorder) as runner, recorder.recording():
            runner(*args, **kwargs)
        found = recorder.memory.record(recorder.calls).inference_peak
        return None if found is None else found.bytes
    return None
