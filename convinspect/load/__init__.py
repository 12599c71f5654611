"""Target to model: the one function that the pipeline asks for it. What needs torch is imported when it is needed."""

from __future__ import annotations

from types import ModuleType

from convinspect.errors import Ask, UsageError
from convinspect.load.loaded import Loaded
from convinspect.load.options import check_options
from convinspect.load.sniff import Kind, kind_of
from convinspect.spec import Request

__all__ = ["Loaded", "kind_of", "load"]


def load(request: Request, ask: Ask | None = None, module: ModuleType | None = None) -> Loaded:
    """Return the request's target in memory, built for the device and dtype that it runs with.

    Where a file has several models, ``ask`` may say which. ``module`` is the target where it is imported already.
    Raises `UsageError` where there is nothing usable, `ModelError` where the user's own code fails.
    """
    kind = kind_of(request.target.source)
    try:
        check_options(request, kind)
        if kind != "python":
            return _load_file(request, kind)
    except UsageError as error:
        raise error.within(request.target.text) from error.__cause__
    except OSError as error:
        raise UsageError(f"{request.target.text}: {error.strerror}") from error
    from convinspect.load.python import load_python  # noqa: PLC0415

    return load_python(request, ask, module)


def _load_file(request: Request, kind: Kind) -> Loaded:
    if kind == "torchscript":
        from convinspect.load.torchscript import load_torchscript  # noqa: PLC0415

        return load_torchscript(request)
    if kind == "export":
        from convinspect.load.export import load_export  # noqa: PLC0415

        return load_export(request)
    if kind == "config":
        from convinspect.load.config import load_config  # noqa: PLC0415

        return load_config(request)
    from convinspect.load.weights import load_weights  # noqa: PLC0415

    return load_weights(request, kind)
