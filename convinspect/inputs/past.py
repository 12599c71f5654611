"""A decoding step: the cache that earlier tokens leave behind, given to ``forward`` beside the next ones."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from convinspect.errors import ModelError, UsageError
from convinspect.inputs.making import Prepared
from convinspect.records import Note
from convinspect.tensors.registered import registered_modules
from convinspect.users_code import running_users_code, unheard

# What transformers calls the cache, among the arguments of a forward and in what it returns.
_CACHES = ("cache", "past_key_values")
_IDS = 2  # batch, tokens


def with_past(prepared: Prepared, tokens: int) -> Prepared:
    """Return ``prepared`` with the cache of ``tokens`` earlier ones, which the model makes in a forward of its own.

    Raises `UsageError` for a model that takes no cache or gives none, and `ModelError` where that forward fails.
    """
    frontend = prepared.loaded.runnable
    signature = frontend.signature()
    name = next((one for one in _CACHES if signature is not None and one in signature.parameters), None)
    if name is None:
        raise UsageError(f"--past {tokens}: forward takes no {' or '.join(_CACHES)}")
    ids = next((pair for pair in prepared.tensors if pair[1].dim() == _IDS and not pair[1].is_floating_point()), None)
    if ids is None:
        raise UsageError(f"--past {tokens}: no input is tokens", "for example: --input input_ids=1:int64:32000")
    where = "meta" if prepared.loaded.device == "meta" else ids[1].device
    earlier = torch.zeros((ids[1].shape[0], tokens), dtype=ids[1].dtype, device=where)
    cache = _cache_of(frontend.module, {ids[0]: earlier}, prepared.loaded.device)
    if cache is None:
        raise UsageError(f"--past {tokens}: {frontend.name} returned no cache")
    note = Note("decoding", f"it decodes after {tokens:,} tokens, whose cache is an input too")
    loaded = replace(prepared.loaded, notes=(*prepared.loaded.notes, note))
    return replace(prepared, loaded=loaded, kwargs={**prepared.kwargs, name: cache})


def _cache_of(model: Any, inputs: dict[str, torch.Tensor], device: str) -> Any:
    modes = [(module, module.training) for module in registered_modules(model)]
    try:
        with running_users_code("--past"), torch.no_grad(), unheard():
            for module, _ in modes:
                module.training = False
            out = model(**inputs, use_cache=True)
    except ModelError as error:
        hint = "try --device cpu" if device == "meta" else error.hint
        raise type(error)(error.message, hint) from error.__cause__
    finally:
        for module, training in modes:
            module.training = training
    return next((getattr(out, name) for name in _CACHES if getattr(out, name, None) is not None), None)
