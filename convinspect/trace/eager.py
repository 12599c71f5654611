"""Module scopes of an eager model: every call of a module says when it begins and ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn

from convinspect.trace.facts_of import facts_in
from convinspect.trace.recorder import Recorder
from convinspect.trace.script import scopes_in_parts
from convinspect.trace.weights import module_paths, type_name


@contextmanager
def eager_scopes(model: nn.Module, recorder: Recorder) -> Iterator[Callable[..., Any]]:
    """Give what runs ``model``, and follow module calls while the block runs.

    `nn.Module.__call__` is wrapped rather than hooked: a wrapper also sees what the module's own hooks do, calls
    that raise, and leaves no hook behind. A module that is not registered anywhere gets the path of its caller
    with its type in angle brackets.
    """
    paths = module_paths(model)
    scopes = recorder.scopes
    original = nn.Module.__call__

    abandon: list[Callable[[BaseException], None]] = []

    def call(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
        path = paths.get(id(module))
        if path is None:
            path = f"{scopes.path}.<{type_name(module)}>".lstrip(".")
        scopes.enter(path, type_name(module), facts_in((args, kwargs)))
        try:
            out = original(module, *args, **kwargs)
        except BaseException as error:
            for close in abandon:
                close(error)
            recorder.blame(error, path, module)
            scopes.abandon()
            raise
        recorder.returned(path, out)
        scopes.leave(facts_in(out), recorder.field_of(out))
        return out

    nn.Module.__call__ = call  # type: ignore[method-assign]
    try:
        with scopes_in_parts(model, recorder) as close_parts:
            abandon.append(close_parts)
            yield model
    finally:
        nn.Module.__call__ = original  # type: ignore[method-assign]
