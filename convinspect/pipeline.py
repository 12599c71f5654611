"""The straight line: a request in, a report out. What imports torch is imported when it is needed."""

from __future__ import annotations

import platform
from dataclasses import replace
from importlib.metadata import version
from typing import TYPE_CHECKING

from convinspect import __version__
from convinspect.report import Model, Report, Run, Tool
from convinspect.spec import Request

if TYPE_CHECKING:
    from convinspect.facts import Trace
    from convinspect.load import Loaded


def summarise(request: Request) -> Report:
    """Return the report of the request's target.

    A forward that stops half-way gives a report of the rows up to there, with the reason among its warnings.
    Raises `UsageError` for a target or an input that cannot be used, and `ModelError` where the user's code
    fails before its forward.
    """
    from convinspect.analyse import analyse  # noqa: PLC0415
    from convinspect.load import load  # noqa: PLC0415

    loaded = load(request)
    trace = loaded.trace or _run(request, loaded)
    return analyse(
        replace(trace, notes=(*loaded.notes, *trace.notes)),
        Tool(__version__, version("torch"), platform.python_version()),
        Model(request.target.text, loaded.name, loaded.format, "train" if request.train else "eval"),
        Run(loaded.device, loaded.dtype, request.batch_size),
    )


def _run(request: Request, loaded: Loaded) -> Trace:
    from convinspect.fields import follow  # noqa: PLC0415
    from convinspect.inputs import make_inputs  # noqa: PLC0415
    from convinspect.trace import trace  # noqa: PLC0415

    inputs = make_inputs(request, loaded.model, loaded.device, loaded.dtype, loaded.example)
    fields = follow(inputs.named, request.field_of, batched=request.batch_size is not None)
    traced = trace(loaded.model, inputs.args, inputs.kwargs, inputs.names, fields=fields, train=request.train)
    return replace(traced, notes=(*traced.notes, *fields.notes()))
