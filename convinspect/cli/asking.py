"""The report of a request, of the model that a person chooses; why its forward stopped, and what to type instead."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from convinspect.cli.streams import say
from convinspect.cli.waiting import patience
from convinspect.errors import ModelError, UndecidedError
from convinspect.parsing import parse_target
from convinspect.spec import InputSpec, Request
from convinspect.units import printable

if TYPE_CHECKING:
    from convinspect.records import Failure
    from convinspect.report import Report


def reported(request: Request) -> tuple[Request, Report]:
    """Return the report and its request, whose target may have been chosen on the way; say what was taken.

    Raises `UndecidedError` where nobody is there to be asked, or answers with something else.
    """
    from convinspect.pipeline import summarise  # noqa: PLC0415 - a usage error must not wait for it

    def be_patient() -> None:
        waiting.enter_context(patience(request.target.text, request.device))

    def ask(error: UndecidedError) -> str | None:
        nonlocal request
        waiting.close()
        name = _answer(error)
        if name is not None:
            request = replace(request, target=parse_target(f"{request.target.source}:{name}"))
            be_patient()
        return name

    with ExitStack() as waiting:
        be_patient()

        report = summarise(request, ask)
    for line in told(report):
        say(line)
    return request, report


def told(report: Report) -> list[str]:
    """Return the lines on what was taken where it was not named, and on another place that it ran in."""
    return [f"note: {note.message}" for note in report.warnings if note.is_told]


def _answer(error: UndecidedError) -> str | None:
    if not all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr)):
        return None
    say(f"{error.message}:")
    width = len(str(len(error.names)))
    for number, line in enumerate(error.lines, 1):
        say(f"  {number if number <= len(error.names) else '':>{width}}  {printable(line)}")
    sys.stderr.write(f"which one? 1-{len(error.names)}: ")
    sys.stderr.flush()
    answer = sys.stdin.readline().strip()
    if answer in error.names:
        return answer
    numbers = {str(number): name for number, name in enumerate(error.names, 1)}
    return numbers.get(answer)


# What torch's refusals of a tensor without values have in common.
_VALUES = ("meta", "item()", "tensor subclasses", "FakeTensor", "data-dependent", "data dependent")
_ONE_VALUE = "Expected more than 1 value per channel"


def failure_of(report: Report, request: Request) -> ModelError | None:
    """Return the error that a forward which stopped half-way is; ``None`` where it went through."""
    return None if report.stopped is None else ModelError(report.stopped, hint_for(report, request))


def hint_for(report: Report, request: Request) -> str | None:
    """Return what to try where the forward of ``report`` stopped; ``None`` where nothing is known to help."""
    failure = report.failure
    if failure is None:
        return None
    if report.run.device == "meta" and any(word in failure.message for word in _VALUES):
        return "what needs tensors with data cannot run on meta: try --device cpu"
    if _ONE_VALUE in failure.message:
        return "normalisation over a batch of one has nothing to compare: try --batch-size 2"
    return next(_rewritten(failure, request), None)


def _rewritten(failure: Failure, request: Request) -> Iterator[str]:
    """Yield hints that show an input as it was probably meant."""
    expected, got = failure.expected or "", failure.got or ""
    most = re.fullmatch(r"\d+ or (\d+) dimensions", expected)
    channels = re.fullmatch(r"(\d+) channels", expected)
    rows = re.search(r"indices below (\d+)|:int64:(\d+)", f"{expected} {failure.message}")
    for spec in request.inputs:
        shape = spec.shape
        if most and request.batch_size is not None and len(shape) == int(most[1]) and got == str(len(shape) + 1):
            yield f"shapes are without the batch: {_option(replace(spec, shape=shape[1:]))}, or --no-batch"
        if channels and len(shape) > 1 and shape[-1] == int(channels[1]) and got == str(shape[0]):
            yield f"channels come first: {_option(replace(spec, shape=(shape[-1], *shape[:-1])))}"
        if rows:
            count = int(rows[1] or rows[2])
            whole = spec.dtype is not None and "int" in spec.dtype
            if not whole or (spec.high or 0) > count:
                dtype = spec.dtype if whole else "int64"
                yield f"the embedding has {count} rows: {_option(replace(spec, dtype=dtype, high=count))}"


def _option(spec: InputSpec) -> str:
    """Return ``spec`` as it is typed."""
    name = f"{spec.name}=" if spec.name else ""
    kind = [part for part in (spec.dtype, None if spec.high is None else str(spec.high)) if part]
    return f"--input {':'.join([name + ','.join(map(str, spec.shape)), *kind])}"
