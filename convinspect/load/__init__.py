"""Target to model: the one function that the pipeline asks for it. What needs torch is imported when it is needed."""

from __future__ import annotations

from importlib import import_module  # noqa: TID251 - of this room, by the kind of a target
from pathlib import Path
from types import ModuleType
from typing import cast

from convinspect.collector import import_torch
from convinspect.errors import Ask, UsageError
from convinspect.load.kinds import KINDS, Kind, check_options, kind_of, read_json
from convinspect.load.loaded import Loaded
from convinspect.report import Report
from convinspect.spec import Request

__all__ = ["Loaded", "kind_of", "load", "load_report"]


def load(request: Request, ask: Ask | None = None, module: ModuleType | None = None) -> Loaded:
    """Return the request's target in memory, built for the device and dtype that it runs with.

    Where a file has several models, ``ask`` may say which. ``module`` is the target where it is imported already.
    Raises `UsageError` where there is nothing usable, `ModelError` where the user's own code fails.
    """
    kind = kind_of(request.target.source)
    try:
        check_options(request, kind)
        if kind != "python":
            return _loaded(request, kind)
    except UsageError as error:
        raise error.within(request.target.text) from error.__cause__
    except OSError as error:
        raise UsageError(f"{request.target.text}: {error.strerror}") from error
    import_torch()
    from convinspect.load.python import load_python  # noqa: PLC0415

    return load_python(request, ask, module)


def load_report(request: Request) -> Report:
    """Return the saved report in the request's file; raises `UsageError` where it is none, or is asked to run."""
    try:
        check_options(request, "report")
        return Report.from_dict(read_json(Path(request.target.source)))
    except UsageError as error:
        raise error.within(request.target.text) from None


def _loaded(request: Request, kind: Kind) -> Loaded:
    loader = KINDS[kind].loader
    if loader != "weights":  # they are read without torch
        import_torch()
    return cast("Loaded", import_module(f"convinspect.load.{loader}").load(request, kind))
