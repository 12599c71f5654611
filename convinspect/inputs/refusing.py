"""Why ``forward`` cannot take the inputs that it was given, and what to type instead."""

from __future__ import annotations

import inspect
from typing import Any

from convinspect.errors import UsageError
from convinspect.inputs.suggesting import also_needed
from convinspect.load import Loaded


def refusal(loaded: Loaded, signature: inspect.Signature, args: tuple[Any, ...], kwargs: dict[str, Any]) -> UsageError:
    """Return what ``forward`` takes and was given, and which names are missing or are none of its own."""
    takes = str(signature.replace(return_annotation=inspect.Signature.empty))
    unnamed = {0: [], 1: ["an unnamed input"]}.get(len(args), [f"{len(args)} unnamed inputs"])
    message = f"forward{takes} cannot take {', '.join([*unnamed, *kwargs])}"
    own = signature.parameters
    variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    plain = [p for p in own.values() if p.kind not in variadic]
    missing = [p.name for i, p in enumerate(plain) if p.default is p.empty and i >= len(args) and p.name not in kwargs]
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
