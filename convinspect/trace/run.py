"""Run a model once under the recorder and return the trace."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from convinspect.facts import Failure, NamedTensor, Trace
from convinspect.trace.blame import failure
from convinspect.trace.eager import eager_scopes
from convinspect.trace.facts_of import named_facts
from convinspect.trace.recorder import Fields, Recorder
from convinspect.trace.scopes import Scopes
from convinspect.trace.untouched import left_as_found
from convinspect.trace.weights import module_facts

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
) -> Trace:
    """Return what one forward of ``model`` with ``args`` and ``kwargs`` shows, and leave the model as it was.

    ``names`` are the report's names of ``args``. An exception of the forward ends the trace and is its
    ``failure``; the calls up to there are kept.
    """
    subject = copy.deepcopy(model) if _is_lazy(model) else model
    inputs = _named_inputs(args, kwargs, names)
    stopped: Failure | None = None
    out: Any = None
    with left_as_found(subject) as weights:
        subject.train(train)
        torch.backends.mha.set_fastpath_enabled(False)
        torch.manual_seed(_SEED)
        recorder = Recorder(Scopes(), fields, weights.touch)
        try:
            with torch.no_grad(), eager_scopes(subject, recorder), recorder:
                out = subject(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 - the user's forward may raise anything
            stopped = failure(error, recorder)
        outputs = named_facts(out)
        modules = module_facts(subject, weights.used)
    return Trace(modules, recorder.scopes.calls, inputs, outputs, failure=stopped)


def _named_inputs(args: tuple[Any, ...], kwargs: dict[str, Any], names: tuple[str, ...]) -> tuple[NamedTensor, ...]:
    positional = (fact for arg, name in zip(args, names, strict=True) for fact in named_facts(arg, name))
    return (*positional, *(fact for name, value in kwargs.items() for fact in named_facts(value, name)))


def _is_lazy(model: nn.Module) -> bool:
    return any(map(is_lazy, (*model.parameters(), *model.buffers())))
