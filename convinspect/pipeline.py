"""The straight line: a request in, a report out. What imports torch is imported when it is needed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from convinspect.errors import InspectError, UsageError
from convinspect.machine import no_more_than_available
from convinspect.report import Report
from convinspect.spec import AmpName, OptimizerName, Request, Target, parse_amp, parse_optimizer


def summarise(request: Request) -> Report:
    """Return the report of the request's target.

    A forward that stops half-way gives a report of the rows up to there, with the reason as its ``failure``. A
    saved report is read back.
    Raises `UsageError` for a target or an input that cannot be used, and `ModelError` where the user's code
    fails before its forward.
    """
    from convinspect.users_code import as_a_program  # noqa: PLC0415

    with as_a_program(request.target.source), no_more_than_available(request.device):
        return _summarised(request)


def _summarised(request: Request) -> Report:
    from convinspect.analyse import analyse  # noqa: PLC0415
    from convinspect.load import kind_of, load  # noqa: PLC0415

    if kind_of(request.target.source) == "report":
        from convinspect.load.saved import load_report  # noqa: PLC0415

        return load_report(request)
    loaded = load(request)
    if loaded.frontend is None:
        return analyse(loaded.without_run())
    from convinspect.inputs import make_inputs  # noqa: PLC0415
    from convinspect.trace import trace  # noqa: PLC0415

    return analyse(trace(make_inputs(loaded)), graph=request.graph)


def second_opinion(request: Request, report: Report) -> tuple[str, ...]:
    """Return what torchsummary says of the target that ``report`` describes, in lines for people.

    The model is built afresh for it, so that nothing which it does can reach the report; what fails is said.
    """
    from convinspect.load import load  # noqa: PLC0415
    from convinspect.second_opinion import ask, in_words  # noqa: PLC0415
    from convinspect.users_code import as_a_program  # noqa: PLC0415

    with as_a_program(request.target.source):
        try:
            model = load(request).runnable.model
        except InspectError as error:
            return (f"second opinion: torchsummary was not asked: {error.message}",)
        return in_words(ask(report, model))


def inspect(
    model: Any,
    inputs: Any = (),
    kwargs: Mapping[str, Any] | None = None,
    device: str | None = None,
    *,
    train: bool = False,
    field_of: str | None = None,
    optimizer: OptimizerName | Literal["none"] | None = "adamw",
    amp: AmpName | Literal["bf16", "fp16"] | None = None,
) -> Report:
    """Return the report of one forward of ``model`` with ``inputs`` and ``kwargs``; the model comes back untouched.

    ``inputs`` are real or meta tensors with their batch dimension in front; a tensor by itself is one input. With
    ``device`` the forward runs on a copy of the model there (``"meta"``: without copying or computing anything);
    without it where the model is, or on meta where an input is.
    With an ``optimizer`` the memory of a training step is estimated, under autocast where ``amp`` says so.
    """
    from convinspect.analyse import analyse  # noqa: PLC0415
    from convinspect.inputs import given_inputs, holds_meta  # noqa: PLC0415
    from convinspect.load.adopt import adopt  # noqa: PLC0415
    from convinspect.trace import trace  # noqa: PLC0415

    request = Request(
        Target("", "", None),
        train=train,
        field_of=field_of,
        optimizer=parse_optimizer(optimizer),
        amp=parse_amp(amp),
    )
    if isinstance(inputs, Mapping):
        raise UsageError("inputs are a tuple of what forward takes by position", "give a mapping as kwargs={...}")
    inputs = tuple(inputs) if isinstance(inputs, (tuple, list)) else (inputs,)
    loaded = adopt(model, device or ("meta" if holds_meta((inputs, kwargs)) else None), request)
    return analyse(trace(given_inputs(loaded, inputs, dict(kwargs or {}))))
