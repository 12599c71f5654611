"""A training step of a model that comes to no harm: on fake tensors, else on a copy, else not known."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from convinspect.errors import first_line
from convinspect.frontends import Frontend
from convinspect.records import ModuleCall, Note, OpCall
from convinspect.tensors.describe import tensors_in
from convinspect.tensors.registered import set_training
from convinspect.torch_private import pytree
from convinspect.trace.apart import Apart, CannotBeKeptApart, apart
from convinspect.trace.fake.layouts import Layouts
from convinspect.trace.fake.mode import FakeMode
from convinspect.trace.fake.model import FakeModel, faked
from convinspect.trace.higher_order import opened_up
from convinspect.trace.memory.live import near
from convinspect.trace.restore import Kept, restored
from convinspect.trace.training.step import (
    RAISED_BY,
    NoTensors,
    NothingToTrain,
    Step,
    TrainingConfig,
    train_once,
)
from convinspect.trace.unfuse import unfused
from convinspect.users_code import let_go, unheard

_SEED = 0
_AS_ON_CPU = (
    "the training step is estimated with the operators of the CPU: cuda's keep other masks, statistics and workspaces"
)
_NOTHING = "no floating output depends on a parameter of the model that requires a gradient: nothing can be trained"
# What recurrent layers keep for a backward pass in half precision is the business of the library that torch brings.
_OLDER = tuple(map(int, torch.__version__.split(".")[:2])) < (2, 13)
_OTHER_WORKSPACES = "recurrent layers keep other workspaces under autocast before torch 2.13"
_ON_A_COPY = "the training step is that of a copy of the model"
# What torch's batch norms say of a batch of one.
_ONE_SAMPLE = "Expected more than 1 value per channel"
_TWO_SAMPLES = "a batch of 2 is enough (--batch-size 2)"
_UNKNOWN = "what a training step needs is not known"


def estimate_training(
    frontend: Frontend,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    config: TrainingConfig,
    device: str,
    kept: Kept,
    layouts: Layouts,
    *,
    may_copy: bool,
) -> tuple[Step | None, tuple[Note, ...]]:
    """Return what one training step needs, with notes; ``None`` and why where that is not known.

    It runs in training mode on fake tensors. Where the model looks at values, which those do not have, it runs for
    real on a copy, unless it has none either, or the ``device`` is meta and nobody ``may_copy``. Fake tensors take the
    CPU's operators also for a model on cuda, whose optimizers update all parameters at once. ``kept`` is what the model
    and its inputs hold, ``layouts`` what is known of the results of operators.
    """
    if frontend.no_training is not None:
        return None, (frontend.no_training,)
    try:
        run = apart(frontend, args, kwargs, kept)
    except CannotBeKeptApart as who:
        return None, (Note("training_unknown", f"{_UNKNOWN}: {who} keeps state that a second run would change"),)
    with torch.inference_mode(mode=False):  # the caller's, in which nothing has a gradient
        step, notes = _estimated(run, config, device, layouts, may_copy=may_copy)
    if run.foreign is None:
        return step, notes
    why = f"{_ON_A_COPY}: {run.foreign} keeps state that cannot be put back"
    return step, (Note("training_on_a_copy", why), *notes)


def _estimated(
    run: Apart, config: TrainingConfig, device: str, layouts: Layouts, *, may_copy: bool
) -> tuple[Step | None, tuple[Note, ...]]:
    frontend, given = run.frontend, (run.args, run.kwargs)
    where = torch.device("cpu" if device == "meta" else device)
    foreach = where.type == "cuda"
    fakes = FakeModel(layouts)
    train = partial(train_once, config=config, foreach=foreach)
    around = faked(frontend.module, fakes)
    step = _attempt(lambda: (frontend, fakes.replaced(given)), around, train, run.kept)
    if isinstance(step, Step) and config.amp is not None and _OLDER and any(map(_is_recurrent, step.calls)):
        step = _Unknown(_OTHER_WORKSPACES, raised=False)
    if isinstance(step, Step):
        on_cuda = (Note("training_as_on_cpu", _AS_ON_CPU),) if foreach else ()
        return step, (*on_cuda, *near("training", step.calls))
    if isinstance(step, _Unknown) and (may_copy or device != "meta") and not _lacks_values(frontend, given):
        step = _attempt(lambda: (frontend.copied(), _copied(given)), nullcontext(), partial(train, device=where))
    if isinstance(step, Step):
        return step, ()
    if step is None:
        return None, (Note("nothing_to_train", _NOTHING),)
    without_values = "on tensors without values, " if device == "meta" and step.raised else ""
    return None, (Note("training_unknown", f"{_UNKNOWN}: {without_values}{step.why}"),)


def _copied(given: Any) -> Any:
    """Return inputs that a real run may write into."""
    return pytree.tree_map_only(torch.Tensor, lambda one: one.detach().clone().requires_grad_(one.requires_grad), given)


def _is_recurrent(call: ModuleCall | OpCall) -> bool:
    return isinstance(call, OpCall) and call.op.startswith("aten.mkldnn_rnn_layer")


@dataclass(frozen=True, slots=True)
class _Unknown:
    """Why a step is not known; ``raised``: something did."""

    why: str
    raised: bool = True


def _lacks_values(frontend: Frontend, given: Any) -> bool:
    return any(tensor.is_meta for tensor in (*frontend.weights, *tensors_in(given)))


def _attempt(
    choose: Callable[[], tuple[Frontend, tuple[tuple[Any, ...], dict[str, Any]]]],
    around: AbstractContextManager[FakeMode | None],
    train: Callable[..., Step],
    kept: Kept | None = None,
) -> Step | _Unknown | None:
    """Return a step, ``None`` where there is nothing to train, or why it is not known."""
    who = "copying the model for it"
    try:
        subject, given = choose()
        who = "in training mode the model"
        with around as mode, restored(subject.module, given, kept), unfused(), opened_up(), unheard():
            torch.manual_seed(_SEED)
            set_training(subject.module, mode=True)
            return train(subject, *given, fakes=mode)
    except NothingToTrain:
        return None
    except NoTensors as found:
        return _Unknown(f"no tensor was found in what the model returns (type {found})", raised=False)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the user's forward may raise anything
        let_go(error)
        said = first_line(error)
        raised = f"{type(error).__name__}: {said}" if said else type(error).__name__
        why = f"{getattr(error, RAISED_BY, who)} raised {raised}"
        return _Unknown(f"{why}: {_TWO_SAMPLES}" if _ONE_SAMPLE in raised else why)
