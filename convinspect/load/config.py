"""A model from a ``config.json`` of transformers: the class that it names, built without weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from convinspect.errors import UsageError
from convinspect.frontends import frontend_of
from convinspect.frontends.placing import place
from convinspect.load.device import resolve_device
from convinspect.load.kinds import Kind, read_json
from convinspect.load.loaded import Loaded
from convinspect.load.without_data import built_without_data
from convinspect.records import Note
from convinspect.spec import Request
from convinspect.tensors.registered import registered_parameters
from convinspect.units import size
from convinspect.users_code import running_users_code

# Bytes of weights from which on a model runs without data, unless a device is named.
_LARGE = 2**30


def load(request: Request, _kind: Kind) -> Loaded:
    """Return the model that the config describes, on the request's device; a large one by default on meta.

    Its dtype is the config's own unless the request names one. Raises `UsageError` where transformers is not
    installed, or does not have the class.
    """
    path = Path(request.target.source)
    document: Any = read_json(path)
    if "auto_map" in document:
        raise UsageError("its class is code beside it (auto_map)", "name that: convinspect summary model.py:Net ...")
    try:
        import transformers  # noqa: PLC0415 - only a config needs it
    except ModuleNotFoundError:
        raise UsageError("a config of transformers, which is not installed", "pip install transformers") from None
    name = (document.get("architectures") or ["AutoModel"])[0]
    kind = getattr(transformers, str(name), None)
    if kind is None:
        raise UsageError(f"transformers {transformers.__version__} has no {name}")
    with running_users_code(f"{name}(config)"):
        config = transformers.AutoConfig.from_pretrained(path)
        build = kind.from_config if name == "AutoModel" else kind
        with built_without_data():
            model = build(config)
    dtype = getattr(torch, request.dtype) if request.dtype is not None else getattr(config, "dtype", None)
    weights = sum(tensor.numel() for tensor in registered_parameters(model)) * (dtype or torch.float32).itemsize
    large = request.device == "auto" and weights >= _LARGE
    device = "meta" if large else resolve_device(request.device)
    if device != "meta":
        torch.manual_seed(0)
        with running_users_code(f"{name}(config)"):
            model = build(config)
    model = place(model, device, dtype)
    said = f"it runs on meta, for its weights take {size(weights)}: --device cpu makes them"
    notes = (Note("chosen", said),) if large else ()
    frontend = frontend_of(model)
    return Loaded(request, frontend, frontend.name, device, frontend.dtype, notes=notes)
