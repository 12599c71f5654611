"""A model that is in memory already, where it is or as a copy on another device."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from convinspect.frontends import frontend_of
from convinspect.load.device import resolve_device
from convinspect.load.loaded import Loaded
from convinspect.spec import Request, Target


def adopt(model: Any, device: str | None, request: Request) -> Loaded:
    """Return ``model`` as if it had been loaded for ``request``, its target named after it; with ``device``, a copy.

    Raises `UsageError` for what is not a module or an exported program.
    """
    frontend = frontend_of(model)
    where = frontend.device if device is None else resolve_device(device)
    # Constructors that copy from numpy leave weights behind when a model is built on meta.
    if where != frontend.device or (where == "meta" and not all(tensor.is_meta for tensor in frontend.weights)):
        frontend = frontend.on(where)
    name = frontend.name or "exported"
    return Loaded(replace(request, target=Target(name, name, None)), frontend, name, where, frontend.dtype)
