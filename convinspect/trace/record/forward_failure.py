"""Why a forward stopped: the layer, what it expected and what it got, in the words of its constructor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn

from convinspect.errors import describe
from convinspect.records import Failure, ModuleCall, TensorRecord
from convinspect.trace.modules import type_name
from convinspect.trace.record.recorder import CULPRIT, Recorder

_Check = Callable[[Any, tuple[int, ...]], "str | None"]


def failure(error: BaseException, recorder: Recorder) -> Failure:
    """Return where ``error`` came from and the most helpful account of it that the layer allows."""
    path, module = _culprit(error)
    kind = type_name(module) if module is not None else ""
    given = _given(path, recorder)
    expected = _expectation(module, given) if module is not None else None
    message = f"{kind} {expected}" if expected else f"{kind or 'forward'} raised {describe(error)}"
    return Failure(path, kind, message)


def _culprit(error: BaseException) -> tuple[str, nn.Module | None]:
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        found: tuple[str, nn.Module] | None = getattr(link, CULPRIT, None)
        if found is not None:
            return found
        seen.add(id(link))
        link = link.__cause__ or link.__context__
    return "", None


def _given(path: str, recorder: Recorder) -> tuple[TensorRecord, ...]:
    calls = (c for c in reversed(recorder.scopes.calls) if isinstance(c, ModuleCall) and c.path == path)
    call = next(calls, None)
    return call.inputs if call is not None else ()


def _expectation(module: Any, given: tuple[TensorRecord, ...]) -> str | None:
    """Return ``expected 320 features, got 500`` where the layer's own arguments tell."""
    if not given:
        return None
    shape = given[0].shape
    family = _family(type_name(module))
    check = _CHECKS.get(family)
    try:
        if family in ("Embedding", "EmbeddingBag") and "float" in given[0].dtype:
            return (
                f"expected indices, got {given[0].dtype}: an input of them is written ...:int64:{module.num_embeddings}"
            )
        return check(module, shape) if check else None
    except (AttributeError, IndexError):
        return None


def _family(kind: str) -> str:
    return kind.removeprefix("Lazy").rstrip("123d")


def _features(module: Any, shape: tuple[int, ...]) -> str | None:
    return _differs(module.in_features, shape[-1], "features", shape)


def _channels(module: Any, shape: tuple[int, ...]) -> str | None:
    spatial = len(module.kernel_size)
    if len(shape) not in (spatial + 1, spatial + 2):
        return f"expected {spatial + 1} or {spatial + 2} dimensions, got {len(shape)} {_say(shape)}"
    if len(shape) == spatial + 1 and shape[0] != module.in_channels == shape[1]:
        return f"expected {spatial + 2} dimensions, got {len(shape)} (input {_say(shape)}): one size is missing"
    return _differs(module.in_channels, shape[-spatial - 1], "channels", shape) or _too_small(module, shape)


def _too_small(module: Any, shape: tuple[int, ...]) -> str | None:
    sizes = shape[-len(module.kernel_size) :]
    padding = module.padding if isinstance(module.padding, tuple) else None
    if padding is None or type_name(module).startswith("ConvTranspose"):
        return None
    for size, k, p, d in zip(sizes, module.kernel_size, padding, module.dilation, strict=True):
        if size + 2 * p < d * (k - 1) + 1:
            return f"expected at least {d * (k - 1) + 1} pixels with padding, got {size + 2 * p} {_say(shape)}"
    return None


def _normalised(module: Any, shape: tuple[int, ...]) -> str | None:
    return _differs(module.num_features, shape[1], "channels", shape)


def _grouped(module: Any, shape: tuple[int, ...]) -> str | None:
    return _differs(module.num_channels, shape[1], "channels", shape)


def _last_axes(module: Any, shape: tuple[int, ...]) -> str | None:
    wanted = tuple(module.normalized_shape)
    got = shape[len(shape) - len(wanted) :]
    return None if got == wanted else f"expected last axes {_say(wanted)}, got {_say(got)} of {_say(shape)}"


def _sequence(module: Any, shape: tuple[int, ...]) -> str | None:
    return _differs(module.input_size, shape[-1], "features", shape)


def _embedded(module: Any, shape: tuple[int, ...]) -> str | None:
    return _differs(module.embed_dim, shape[-1], "features", shape)


def _differs(wanted: int, got: int, what: str, shape: tuple[int, ...]) -> str | None:
    where = "" if len(shape) == 1 else f" (input {_say(shape)})"
    return None if wanted == got else f"expected {wanted} {what}, got {got}{where}"


def _say(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "a scalar"


_CHECKS: dict[str, _Check] = {
    "Linear": _features,
    "Conv": _channels,
    "ConvTranspose": _channels,
    "BatchNorm": _normalised,
    "SyncBatchNorm": _normalised,
    "InstanceNorm": _normalised,
    "GroupNorm": _grouped,
    "LayerNorm": _last_axes,
    "RMSNorm": _last_axes,
    "LSTM": _sequence,
    "GRU": _sequence,
    "RNN": _sequence,
    "MultiheadAttention": _embedded,
}
