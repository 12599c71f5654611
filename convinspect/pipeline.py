"""The straight line: a request in, a report out. What imports torch is imported when it is needed."""

from __future__ import annotations

import platform
from dataclasses import replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from convinspect import __version__
from convinspect.errors import InspectError
from convinspect.report import Model, Report, Run, Tool
from convinspect.spec import AmpName, OptimizerName, Request, Target

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from convinspect.inputs import Inputs
    from convinspect.load import Loaded
    from convinspect.records import Trace


def summarise(request: Request) -> Report:
    """Return the report of the request's target.

    A forward that stops half-way gives a report of the rows up to there, with the reason as its ``failure``. A
    saved report is read back.
    Raises `UsageError` for a target or an input that cannot be used, and `ModelError` where the user's code
    fails before its forward.
    """
    from convinspect.load import kind_of, load  # noqa: PLC0415

    if kind_of(request.target.source) == "report":
        from convinspect.load.saved import load_report  # noqa: PLC0415

        return load_report(request)
    loaded = load(request)
    if loaded.trace is not None:
        return _report(request, loaded, loaded.trace)
    from convinspect.inputs import make_inputs  # noqa: PLC0415

    inputs = make_inputs(request, loaded.model, loaded.device, loaded.dtype, loaded.example)
    if not request.inputs:  # inputs that the model or its file knows are whole: their batch is their own
        request = replace(request, batch_size=inputs.batch_size)
    return _report(request, loaded, _trace(request, loaded, inputs))


def second_opinion(request: Request, report: Report) -> tuple[str, ...]:
    """Return what torchsummary says of the target that ``report`` describes, in lines for people.

    The model is built afresh for it, so that nothing which it does can reach the report; what fails is said.
    """
    from convinspect.load import load  # noqa: PLC0415
    from convinspect.second_opinion import ask, in_words  # noqa: PLC0415

    try:
        model = load(request).model
    except InspectError as error:
        return (f"second opinion: torchsummary was not asked: {error.message}",)
    return in_words(ask(report, model))


def inspect(
    model: Any,
    inputs: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    device: str | None = None,
    *,
    train: bool = False,
    field_of: str | None = None,
    optimizer: OptimizerName | None = "adamw",
    amp: AmpName | None = None,
) -> Report:
    """Return the report of one forward of ``model`` with ``inputs`` and ``kwargs``; the model comes back untouched.

    ``inputs`` are real or meta tensors with their batch dimension in front. With ``device`` the forward runs on a
    copy of the model there (``"meta"``: without copying or computing anything); without it where the model is, or
    on meta where an input is.
    With an ``optimizer`` the memory of a training step is estimated, under autocast where ``amp`` says so.
    """
    from convinspect.inputs import given_inputs, holds_meta  # noqa: PLC0415
    from convinspect.load.adopt import adopt  # noqa: PLC0415

    loaded = adopt(model, device or ("meta" if holds_meta((inputs, kwargs)) else None))
    given = given_inputs(model, tuple(inputs), dict(kwargs or {}), loaded.device)
    request = Request(
        Target(loaded.name, loaded.name, None),
        train=train,
        field_of=field_of,
        batch_size=given.batch_size,
        optimizer=optimizer,
        amp=amp,
    )
    return _report(request, loaded, _trace(request, loaded, given))


def _report(request: Request, loaded: Loaded, trace: Trace) -> Report:
    from convinspect.analyse import analyse  # noqa: PLC0415

    return analyse(
        replace(trace, notes=(*loaded.notes, *trace.notes)),
        Tool(__version__, version("torch"), platform.python_version()),
        Model(request.target.text, loaded.name, loaded.format, "train" if request.train else "eval"),
        Run(loaded.device, loaded.dtype, request.batch_size),
    )


def _trace(request: Request, loaded: Loaded, inputs: Inputs) -> Trace:
    from convinspect.fields import follow, notes_of  # noqa: PLC0415
    from convinspect.inputs import has_batch  # noqa: PLC0415
    from convinspect.trace import TrainingConfig, fake, trace  # noqa: PLC0415

    if loaded.device == "meta":
        args, kwargs = fake((inputs.args, inputs.kwargs))
        inputs = replace(inputs, args=args, kwargs=kwargs)
    batched = all(has_batch(loaded.model, tensor) for _, tensor in inputs.tensors[:1])
    fields = follow(inputs.tensors, request.field_of, batched=batched)
    if request.unit is not None:
        fields.ask(request.unit)
    traced = trace(
        loaded.model,
        inputs.args,
        inputs.kwargs,
        inputs.names,
        fields=fields,
        train=request.train,
        disposable=loaded.disposable,
        # The step is rehearsed without data, and an operator that writes files would read it all the same.
        training=TrainingConfig(request.optimizer, request.amp)
        if request.optimizer and not request.allow_unsafe
        else None,
    )
    unit = fields.answer() if traced.failure is None else None
    return replace(traced, notes=(*traced.notes, *notes_of(fields)), unit=unit)
