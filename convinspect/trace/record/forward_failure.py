"""Why a forward stopped: the layer, what it expected and what it got, in the words of its constructor."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from torch import nn

from convinspect.errors import describe
from convinspect.frontends.modules import type_name
from convinspect.records import Failure, ModuleCall, TensorRecord
from convinspect.trace.record.recorder import FAILED_IN, Recorder
from convinspect.users_code import chain

# What a layer wants, what it was given, and what else helps to find the mistake.
Mismatch: TypeAlias = "tuple[str, str, str] | None"
_Check = Callable[[Any, tuple[int, ...]], Mismatch]

# A traced layer has no settings: its weights have these sizes.
_OF_WEIGHTS = {
    "in_features": ("weight", 1),
    "num_features": ("weight", 0),
    "num_channels": ("weight", 0),
    "input_size": ("weight_ih_l0", 1),
    "num_embeddings": ("weight", 0),
}
# How torch says it where the groups of a traced convolution are not known.
_CHANNELS = re.compile(r"expected input\[([\d, ]+)\] to have (\d+) channels, but got (\d+) channels")


def forward_failure(error: BaseException, recorder: Recorder) -> Failure:
    """Return where ``error`` came from and the most helpful account of it that the layer allows."""
    path, module = _failed_in(error)
    kind = type_name(module) if module is not None else ""
    mismatch = _mismatch(module, _given(path, recorder), error) if module is not None else None
    if mismatch is None:
        return Failure(path, kind, f"{kind or 'forward'} raised {describe(error)}")
    expected, got, hint = mismatch
    return Failure(path, kind, f"{kind} expected {expected}, got {got}{hint}", expected, got)


def _failed_in(error: BaseException) -> tuple[str, nn.Module | None]:
    """Return path and module that ``error``, or what it was raised from, came out of."""
    marks: Iterator[tuple[str, nn.Module] | None] = (getattr(link, FAILED_IN, None) for link in chain(error))
    return next((mark for mark in marks if mark is not None), ("", None))


def _given(path: str, recorder: Recorder) -> tuple[TensorRecord, ...]:
    calls = (call for call in reversed(recorder.calls) if isinstance(call, ModuleCall) and call.path == path)
    call = next(calls, None)
    return call.inputs if call is not None else ()


def _mismatch(module: Any, given: tuple[TensorRecord, ...], error: BaseException) -> Mismatch:
    """Return in what the layer's own arguments differ from what it was given, where they tell."""
    if not given:
        return None
    family = _family(type_name(module))
    check = _CHECKS.get(family)
    try:
        if family in ("Embedding", "EmbeddingBag") and "float" in given[0].dtype:
            hint = f": an input of them is written ...:int64:{_setting(module, 'num_embeddings')}"
            return "indices", given[0].dtype, hint
        if family in ("Embedding", "EmbeddingBag") and isinstance(error, IndexError):
            return f"indices below {_setting(module, 'num_embeddings')}", "larger ones", ""
        return check(module, given[0].shape) if check else None
    except (AttributeError, IndexError, KeyError):
        return _in_torchs_words(error)


def _in_torchs_words(error: BaseException) -> Mismatch:
    found = _CHANNELS.search(str(error))
    return (f"{found[2]} channels", found[3], f" (input {found[1].replace(', ', 'x')})") if found else None


def _setting(module: Any, name: str) -> int:
    """Return what the layer was built with, or the size of its weights that says the same."""
    if hasattr(module, name):
        return int(getattr(module, name))
    weights, axis = _OF_WEIGHTS[name]
    return int(getattr(module, weights).shape[axis])


def _family(kind: str) -> str:
    return kind.removeprefix("Lazy").rstrip("123d")


def _channels(module: Any, shape: tuple[int, ...]) -> Mismatch:
    spatial = len(module.kernel_size)
    if len(shape) not in (spatial + 1, spatial + 2):
        return f"{spatial + 1} or {spatial + 2} dimensions", str(len(shape)), f" {_say(shape)}"
    if len(shape) == spatial + 1 and shape[0] != module.in_channels == shape[1]:
        return f"{spatial + 2} dimensions", str(len(shape)), f" (input {_say(shape)}): one size is missing"
    return _differs(module.in_channels, shape[-spatial - 1], "channels", shape) or _too_small(module, shape)


def _too_small(module: Any, shape: tuple[int, ...]) -> Mismatch:
    sizes = shape[-len(module.kernel_size) :]
    padding = module.padding if isinstance(module.padding, tuple) else None
    if padding is None or type_name(module).startswith("ConvTranspose"):
        return None
    for size, k, p, d in zip(sizes, module.kernel_size, padding, module.dilation, strict=True):
        if size + 2 * p < d * (k - 1) + 1:
            return f"at least {d * (k - 1) + 1} pixels with padding", str(size + 2 * p), f" {_say(shape)}"
    return None


def _last_axes(module: Any, shape: tuple[int, ...]) -> Mismatch:
    wanted = tuple(getattr(module, "normalized_shape", None) or module.weight.shape)
    got = shape[len(shape) - len(wanted) :]
    return None if got == wanted else (f"last axes {_say(wanted)}", _say(got), f" of {_say(shape)}")


def _sized(attribute: str, what: str, axis: int) -> _Check:
    """Return a check that ``axis`` of the input is as long as the layer's ``attribute`` says."""
    return lambda module, shape: _differs(_setting(module, attribute), shape[axis], what, shape)


def _differs(wanted: int, got: int, what: str, shape: tuple[int, ...]) -> Mismatch:
    where = "" if len(shape) == 1 else f" (input {_say(shape)})"
    return None if wanted == got else (f"{wanted} {what}", str(got), where)


def _say(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "a scalar"


_CHECKS: dict[str, _Check] = {
    "Linear": _sized("in_features", "features", -1),
    "Conv": _channels,
    "ConvTranspose": _channels,
    **dict.fromkeys(("BatchNorm", "SyncBatchNorm", "InstanceNorm"), _sized("num_features", "channels", 1)),
    "GroupNorm": _sized("num_channels", "channels", 1),
    **dict.fromkeys(("LayerNorm", "RMSNorm"), _last_axes),
    **dict.fromkeys(("LSTM", "GRU", "RNN"), _sized("input_size", "features", -1)),
    "MultiheadAttention": _sized("embed_dim", "features", -1),
}
