"""Target to model: the one function that the pipeline asks for it."""

from __future__ import annotations

from convinspect.load.adopt import adopt
from convinspect.load.loaded import Loaded
from convinspect.load.python import load_python
from convinspect.spec import Request

__all__ = ["Loaded", "adopt", "load"]


def load(request: Request) -> Loaded:
    """Return the request's target in memory, built for the device and dtype that it runs with.

    Raises `UsageError` where there is nothing usable, `ModelError` where the user's own code fails.
    """
    return load_python(request)
