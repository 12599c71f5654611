"""What to type instead: a hint for the commonest mistakes, made of the user's own words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from convinspect.errors import ModelError
from convinspect.spec import InputSpec, Request

if TYPE_CHECKING:
    from convinspect.records import Failure
    from convinspect.report import Report

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
