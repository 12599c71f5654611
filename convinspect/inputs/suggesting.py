"""What to type for the inputs of a model that were not given, as its layers and the source of its forward say."""

from __future__ import annotations

import inspect
import re
from collections.abc import Collection, Iterable, Iterator
from typing import Any

import torch
from torch import nn

from convinspect.errors import UsageError
from convinspect.frontends import Frontend
from convinspect.frontends.modules import type_name
from convinspect.inputs.places import Use, uses_of
from convinspect.load import Loaded
from convinspect.load.choose import is_needed
from convinspect.tensors.registered import registered_modules

_WINDOWED = re.compile(r"(?:Lazy)?(?:Conv(?:Transpose)?|(?:(?:Adaptive)?(?:Max|Avg)|LP|FractionalMax)Pool)([123])d")
_PLAIN = {"int": "0", "float": "0.5", "bool": "False"}
_TIMES = re.compile(r"t|time_?steps?|timesteps?|time")
_LENGTHS = re.compile(r"(\w*_)?(len(gth)?s?)|\w*_?seq_?len\w*")
_SEQUENCE = "100"
_TOKENS = "128"


def suggestion(frontend: Frontend) -> str:
    """Return the options for all inputs that ``forward`` needs."""
    texts, whole = _wanted(frontend)
    if len(texts) == 1 and re.fullmatch(r"\w+=[^:].*", texts[0]):  # one input needs no name
        texts = [texts[0].partition("=")[2]]
    return _options(texts, whole=whole)


def also_needed(frontend: Frontend, given: Collection[str], like: str | None, *, whole: bool) -> str:
    """Return the options for the inputs that ``forward`` needs beside those ``given``, or instead of them.

    What nothing is known about is ``like`` another one; ``whole`` says that the shapes were given with the batch.
    """
    texts, must_be_whole = _wanted(frontend, given, like, whole=whole)
    if must_be_whole and not whole:  # where the batch does not stand in front, it stands in all of them
        return f"instead of all, {suggestion(frontend)}"
    return _options(texts, whole=False)


def _wanted(
    frontend: Frontend, given: Collection[str] = (), like: str | None = None, *, whole: bool = False
) -> tuple[list[str], bool]:
    """Return a spec with its name for each input that is not given, and whether they must hold the batch."""
    model, signature = frontend.module, frontend.signature()
    needed = [p for p in signature.parameters.values() if is_needed(p) and p.name not in given] if signature else []
    uses = uses_of(model, [p.name for p in needed])
    whole = whole or any(map(_is_whole, uses))
    first = _spec_in(model, whole=whole) or ("..." if len(needed) > 1 else "3,224,224")
    texts = [text for parameter in needed for text in _texts(parameter, uses, like or first, whole=whole)]
    return texts or [f"input={first}"], whole


def _options(texts: Iterable[str], *, whole: bool) -> str:
    return " ".join([*(["--no-batch"] if whole else []), *(f"--input {text}" for text in texts)])


def _texts(parameter: inspect.Parameter, uses: list[Use], like: str, *, whole: bool) -> Iterator[str]:
    """Yield a spec for each tensor of one argument."""
    name = parameter.name
    annotated = getattr(parameter.annotation, "__name__", str(parameter.annotation))
    if annotated in _PLAIN:
        yield f"{name}:={_PLAIN[annotated]}"
        return
    own = [use for use in uses if use.place.split(".")[0] == name]
    inner = [use for use in own if not any(other.place.startswith(f"{use.place}.") for other in own)]
    for place in dict.fromkeys(use.place for use in inner):
        found = [use for use in inner if use.place == place]
        states = next((use.module for use in found if isinstance(use.module, nn.RNNBase) and use.position == 1), None)
        if isinstance(states, nn.RNNBase):
            yield from (f"{one}={shape}" for one, shape in _states(place, states))
            continue
        specs = (_spec_in(use.module, whole=whole) for use in found if use.module is not None)
        yield f"{place}={next((spec for spec in specs if spec), _default(place, like, whole=whole))}"
    if not inner:
        yield f"{name}={_default(name, like, whole=whole)}"


def _default(place: str, like: str, *, whole: bool) -> str:
    each = "1" if whole else ""
    if _TIMES.fullmatch(place):
        return f"{each}:int64:1000"
    longest = re.match(r"(?:1,)?(\d+)" if whole else r"(\d+)", like)
    if longest and _LENGTHS.fullmatch(place):  # of sequences that fill the other input
        return f"{each}:int64:{longest[1]}..{int(longest[1]) + 1}"
    return like


def _is_whole(use: Use) -> bool:
    """Tell whether the batch does not stand in front: states are by layers first, and sequences may be by time."""
    return isinstance(use.module, nn.RNNBase) and (use.position == 1 or not use.module.batch_first)


def _states(place: str, layer: nn.RNNBase) -> Iterator[tuple[str, str]]:
    layers = layer.num_layers * (2 if layer.bidirectional else 1)
    places = (
        [f"{place}.0", f"{place}.1"]
        if isinstance(layer, nn.LSTM) and not place.rpartition(".")[2].isdigit()
        else [place]
    )
    for one in places:
        projected = layer.proj_size if not one.endswith(".1") else 0
        yield one, f"{layers},1,{projected or layer.hidden_size}"


def _spec_in(module: nn.Module, *, whole: bool) -> str | None:
    return next(filter(None, (_spec(part, whole=whole) for part in registered_modules(module))), None)


def _spec(module: nn.Module, *, whole: bool) -> str | None:
    """Return a spec for the input of a layer; a ``whole`` one holds a batch of one."""
    batch = "1," if whole else ""
    if isinstance(module, nn.Embedding):
        return f"{_TOKENS},1:int64:{module.num_embeddings}" if whole else f"{_TOKENS}:int64:{module.num_embeddings}"
    if isinstance(module, nn.Linear):
        return f"{batch}{module.in_features}"
    if isinstance(module, nn.RNNBase):
        by_time = whole and not module.batch_first
        return f"{_SEQUENCE},1,{module.input_size}" if by_time else f"{batch}{_SEQUENCE},{module.input_size}"
    if isinstance(module, (nn.Conv1d, nn.Conv2d, nn.Conv3d)):
        channels = module.in_channels
        spatial = {1: "16000", 2: "28,28" if channels == 1 else "224,224", 3: "16,112,112"}
        return f"{batch}{channels},{spatial[len(module.kernel_size)]}"
    return None


def has_batch(model: nn.Module, tensor: torch.Tensor) -> bool:
    """Tell whether the first axis of ``tensor`` counts a batch: convolutions and pools also take inputs without one."""
    # By name, as scripted modules are instances of none of torch's layers.
    kinds = (_WINDOWED.fullmatch(type_name(module)) for module in registered_modules(model))
    first = next(filter(None, kinds), None)
    return first is None or tensor.dim() != int(first[1]) + 1 or not tensor.is_floating_point()


def refusal(loaded: Loaded, signature: inspect.Signature, args: tuple[Any, ...], kwargs: dict[str, Any]) -> UsageError:
    """Return what ``forward`` takes and was given, and which names are missing or are none of its own."""
    takes = str(signature.replace(return_annotation=inspect.Signature.empty))
    unnamed = {0: [], 1: ["an unnamed input"]}.get(len(args), [f"{len(args)} unnamed inputs"])
    message = f"forward{takes} cannot take {', '.join([*unnamed, *kwargs])}"
    own = signature.parameters
    missing = [p.name for i, p in enumerate(own.values()) if is_needed(p) and i >= len(args) and p.name not in kwargs]
    unknown = [name for name in kwargs if name not in own]
    if unknown:
        are = "are" if len(missing) > 1 else "is"
        gone = f"; {' and '.join(missing)} {are} missing" if missing else ""
        return UsageError(message, f"there is no {' and no '.join(unknown)}{gone}")
    if missing:
        given = [*list(own)[: len(args)], *kwargs]
        also = also_needed(loaded.runnable, given, _like(loaded), whole=loaded.request.batch_size is None)
        return UsageError(message, f"forward{takes} also needs {' and '.join(missing)}: {also}")
    return UsageError(message, "an input is named as --input NAME=SHAPE")


def _like(loaded: Loaded) -> str | None:
    """Return the first shape that was typed: another input of an unknown one may be of the same."""
    shapes = (",".join(map(str, spec.shape)) for spec in loaded.request.inputs if spec.dtype is None)
    return next(filter(None, shapes), None)
