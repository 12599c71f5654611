"""What a model itself says of its inputs: an example, or a description from which they are made."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Any

import torch
from torch import nn

from convinspect.errors import UsageError
from convinspect.inputs.suggesting import suggestion
from convinspect.load import Loaded
from convinspect.load.choose import is_needed
from convinspect.load.examples import input_in_use
from convinspect.tensors.registered import registered_modules

_IMAGE = 3  # channels, height, width


@dataclass(frozen=True, slots=True)
class Known:
    """Whole inputs, or the ``specs`` to type for them; ``source`` is what in the model they were guessed from."""

    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] | None = None
    specs: tuple[str, ...] = ()
    source: str | None = None


def known_inputs(loaded: Loaded) -> Known:
    """Return the inputs that the loaded file holds or that the model gives or describes; never an uncertain guess.

    Raises `UsageError` that says what to type where there are none.
    """
    if loaded.example is not None:
        return Known(*loaded.example)
    model = loaded.runnable.module
    known = _of_attribute(model, "example_input_array", (torch.Tensor, tuple, list, dict))
    if known is not None:
        return _whole(known)
    main = _of_attribute(model, "main_input_name", (str,))
    for size, name, source in (*_sizes(model, main), *_sizes_of_weights(loaded.built_by, model)):
        if len(size) == _IMAGE and all(type(one) is int and one > 0 for one in size):
            return Known(specs=(f"{name}{','.join(map(str, size))}",), source=source)
    dummies = _of_attribute(model, "dummy_inputs", (dict,))
    if dummies and (main is None or main in dummies):
        return _whole(dummies, "dummy_inputs")
    of = f" of {loaded.name}" if loaded.name and loaded.name != loaded.request.target.attribute else ""
    message = f"{loaded.request.target.text}: the --input{of} is missing"
    raise UsageError(message, _used(loaded) or f"for example: {suggestion(loaded.runnable)}")


def _used(loaded: Loaded) -> str | None:
    """Return the input that the file itself uses with what was built, where ``forward`` takes one."""
    signature, name = loaded.runnable.signature(), getattr(loaded.built_by, "__name__", "")
    if loaded.module is None or signature is None or sum(map(is_needed, signature.parameters.values())) != 1:
        return None
    used = input_in_use(loaded.module, name)
    return used and f"the file itself uses {used}"


def _whole(known: Any, source: str | None = None) -> Known:
    if isinstance(known, dict):
        return Known((), known, source=source)
    return Known(tuple(known) if isinstance(known, (tuple, list)) else (known,), {}, source=source)


def _sizes(model: nn.Module, main: str | None) -> typing.Iterator[tuple[tuple[Any, ...], str, str]]:
    """Yield the size of an image that the model's own configuration names, the option's name, and where it stands."""
    for name in ("pretrained_cfg", "default_cfg"):
        described = _of_attribute(model, name, (dict,))
        if described and isinstance(described.get("input_size"), (tuple, list)):
            yield tuple(described["input_size"]), "", f"{name}['input_size']"
    config = _of_attribute(model, "config", (object,))
    side, channels = getattr(config, "image_size", None), getattr(config, "num_channels", None)
    if main == "pixel_values" and side is not None:
        sides = tuple(side) if isinstance(side, (tuple, list)) else (side, side)
        yield (channels, *sides), f"{main}=", "config.image_size"


def _sizes_of_weights(built_by: Any, model: nn.Module) -> typing.Iterator[tuple[tuple[Any, ...], str, str]]:
    """Yield the size of the images that the weights were trained on which a factory says that it takes."""
    try:
        hints = typing.get_type_hints(built_by).values()
    except Exception:  # noqa: BLE001 - annotations are the user's own code
        return
    for kind in (option for hint in hints for option in (hint, *typing.get_args(hint))):
        if not (isinstance(kind, type) and issubclass(kind, Enum)):
            continue
        transforms = getattr(getattr(kind, "DEFAULT", None), "transforms", None)
        side = transforms.keywords.get("crop_size") if isinstance(transforms, partial) else None
        first = next((part for part in registered_modules(model) if isinstance(part, nn.Conv2d)), None)
        if side is not None and first is not None:
            yield (first.in_channels, side, side), "", f"{kind.__name__}.DEFAULT.transforms"


def _of_attribute(model: Any, name: str, kinds: tuple[type, ...]) -> Any:
    """Return what the model has under ``name`` where it is of the kinds; nothing where it is something else."""
    try:
        found = getattr(model, name)
    except Exception:  # noqa: BLE001 - a property of the user's own
        return None
    return found if isinstance(found, kinds) else None
