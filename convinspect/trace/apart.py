"""A run beside the one that was asked for: of the model itself, which is put back, or of a copy where it cannot be."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import Any

from torch import nn

from convinspect.frontends import Frontend
from convinspect.tensors.describe import tensors_in
from convinspect.tensors.registered import registered_tensors
from convinspect.trace.restore import Kept
from convinspect.trace.snapshot import state_of_code


class CannotBeKeptApart(Exception):  # noqa: N818 - an answer, not an error
    """The model keeps what can neither be put back nor copied; says what that is."""


@dataclass(frozen=True, slots=True)
class Apart:
    """What to run in place of the model and its inputs, and what it holds; ``foreign`` made a copy of it necessary."""

    frontend: Frontend
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    kept: Kept
    foreign: str | None = None


def apart(frontend: Frontend, args: tuple[Any, ...], kwargs: dict[str, Any], kept: Kept) -> Apart:
    """Return the model and its inputs, or where they hold iterators or foreign objects a copy with the same tensors.

    ``kept`` is what they hold. Raises `CannotBeKeptApart` where there can be no copy, or an iterator is a global of the
    model's file.
    """
    modules, snapshot = kept.modules, kept.snapshot
    outside = [item for item in snapshot.out_of_reach_around if _is_stepped_through(item)]
    if not (snapshot.out_of_reach or outside):
        return Apart(frontend, args, kwargs, kept)
    said = _name((*outside, *snapshot.out_of_reach)[0], modules)
    if outside:
        raise CannotBeKeptApart(said)
    own = (*registered_tensors(frontend.module), *tensors_in((args, kwargs)), *snapshot.tensors)
    try:
        module, args, kwargs = copy.deepcopy((frontend.module, args, kwargs), {id(tensor): tensor for tensor in own})
    except Exception as error:  # the user's own code copies it
        raise CannotBeKeptApart(said) from error
    return Apart(replace(frontend, module=module), args, kwargs, Kept(module, (args, kwargs)), said)


def _is_stepped_through(item: Any) -> bool:
    return hasattr(type(item), "__next__") and type(item).__module__ != "_io"


def _name(item: Any, modules: list[nn.Module]) -> str:
    kind = type(item).__name__
    spaces = (*map(vars, modules), *state_of_code(modules))
    return next((f"{name} ({kind})" for space in spaces for name, value in space.items() if value is item), f"a {kind}")
