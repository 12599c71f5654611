"""The straight line: a request in, a report out. What imports torch is imported when it is needed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from convinspect.collector import young_alone
from convinspect.errors import Ask, InspectError, UsageError
from convinspect.machine import no_more_than_available
from convinspect.parsing import parse_amp, parse_axes, parse_optimizer, parse_sections
from convinspect.records import Note, Trace
from convinspect.report import Report
from convinspect.spec import AmpName, OptimizerName, Request, Section, Target

if TYPE_CHECKING:
    from convinspect.inputs import Prepared
    from convinspect.load.loaded import Loaded

# Bytes of weights beyond which a model that was asked for without data is not built with data instead.
_AFFORDABLE = 4 * 2**30


def summarise(request: Request, ask: Ask | None = None) -> Report:
    """Return the report of the request's target; ``ask`` says which model of a file with several is meant.

    A forward that stops half-way gives a report of the rows up to there, with the reason as its ``failure``. A
    saved report is read back.
    Raises `UsageError` for a target or an input that cannot be used, and `ModelError` where the user's code
    fails before its forward.
    """
    from convinspect.users_code import as_a_program  # noqa: PLC0415

    with as_a_program(request.target.source, request.argv), no_more_than_available(request.device), young_alone():
        return _summarised(request, ask)


def _summarised(request: Request, ask: Ask | None) -> Report:
    from convinspect.analyse import analyse  # noqa: PLC0415
    from convinspect.load import kind_of, load, load_report  # noqa: PLC0415

    if kind_of(request.target.source) == "report":
        return load_report(request)
    loaded = load(request, ask)
    if loaded.frontend is None:
        return analyse(loaded.without_run())
    from convinspect.inputs import inputs_of  # noqa: PLC0415

    on_cpu = replace(loaded.request, device="cpu")

    def traced(one: Loaded) -> Trace:
        return _traced(
            inputs_of(one), lambda: inputs_of(replace(load(on_cpu, module=one.module), floating=one.floating))
        )

    found = traced(loaded)
    # Complex weights may be for what becomes complex in the forward.
    if found.failure is not None and (real := loaded.with_real_inputs()) and (again := traced(real)).failure is None:
        found = again
    return analyse(found, request.sections)


def second_opinion(request: Request, report: Report) -> tuple[str, ...]:
    """Return what torchsummary says of the target that ``report`` describes, in lines for people.

    The model is built afresh for it, so that nothing which it does can reach the report; what fails is said.
    """
    from convinspect.load import load  # noqa: PLC0415
    from convinspect.second_opinion import ask, in_words  # noqa: PLC0415
    from convinspect.users_code import as_a_program  # noqa: PLC0415

    with as_a_program(request.target.source, request.argv):
        try:
            model = load(request).runnable.model
        except InspectError as error:
            return (f"second opinion: torchsummary was not asked: {error.message}",)
        return in_words(ask(report, model))


def inspect(  # noqa: PLR0913 - a keyword for each option of a run
    model: Any,
    inputs: Any = (),
    kwargs: Mapping[str, Any] | None = None,
    device: str | None = None,
    *,
    train: bool = False,
    field_of: str | None = None,
    axes: str | None = None,
    optimizer: OptimizerName | Literal["none"] | None = "adamw",
    amp: AmpName | Literal["bf16", "fp16"] | None = None,
    fallback: bool = True,
    sections: Collection[Section] = (),
) -> Report:
    """Return the report of one forward of ``model`` with ``inputs`` and ``kwargs``; the model comes back untouched.

    ``inputs`` are real or meta tensors with their batch dimension in front; a tensor by itself is one input. With
    ``device`` the forward runs on a copy of the model there (``"meta"``: without copying or computing anything);
    without it where the model is, or on meta where an input is.
    ``axes`` says which axes of the followed input are positions, as ``--axes`` does (``"x=h,w:2,3"``).
    With an ``optimizer`` the memory of a training step is estimated, under autocast where ``amp`` says so. What cannot
    run on meta, for it asks for values there, runs where the model is; without ``fallback`` that is its failure.
    ``sections`` are optional parts of the report: ``graph``, ``timeline``, ``units``.
    """
    from convinspect.analyse import analyse  # noqa: PLC0415
    from convinspect.inputs import given_inputs, holds_meta  # noqa: PLC0415
    from convinspect.load.python import adopt  # noqa: PLC0415

    request = Request(
        Target("", "", None),
        train=train,
        field_of=field_of,
        axes=parse_axes(axes) if axes is not None else None,
        optimizer=parse_optimizer(optimizer),
        amp=parse_amp(amp),
        fallback=fallback,
        sections=parse_sections(sections),
    )
    if isinstance(inputs, Mapping):
        raise UsageError("inputs are a tuple of what forward takes by position", "give a mapping as kwargs={...}")
    inputs = tuple(inputs) if isinstance(inputs, (tuple, list)) else (inputs,)
    loaded = adopt(model, device or ("meta" if holds_meta((inputs, kwargs)) else None), request)
    given = dict(kwargs or {})
    prepared = given_inputs(loaded, inputs, given)
    with young_alone():
        found = _traced(prepared, lambda: given_inputs(adopt(model, None, request), inputs, given))
        return analyse(found, request.sections)


def _traced(prepared: Prepared, with_values: Callable[[], Prepared]) -> Trace:
    """Return the trace of ``prepared``, or where it stopped on meta for want of values, that of ``with_values``."""
    from convinspect.trace import trace  # noqa: PLC0415

    found = trace(prepared)
    weight_bytes = sum(weight.bytes for module in found.modules for weight in (*module.params, *module.buffers))
    if not (found.wants_values and prepared.loaded.request.fallback) or weight_bytes > _AFFORDABLE:
        return found
    try:
        real = with_values()
    except InspectError:
        return found
    if real.loaded.device == "meta" or any(tensor.is_meta for _, tensor in real.tensors):
        return found
    place = (found.failure.path or found.failure.type) if found.failure else ""
    message = f"what {place} runs needs tensors with data, which meta ones lack: it ran on the {real.loaded.device}"
    again = trace(real)
    return replace(again, notes=(Note("ran_on_cpu", message), *again.notes))
