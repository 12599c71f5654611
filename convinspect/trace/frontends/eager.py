"""Module scopes of an eager model: every call of a module says when it begins and ends."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from convinspect.tensors.describe import records_in
from convinspect.trace.frontends.torchscript.scopes import scopes_in_parts
from convinspect.trace.modules import module_paths, type_name
from convinspect.trace.record.recorder import Recorder


@contextmanager
def eager_scopes(model: nn.Module, recorder: Recorder) -> Iterator[Callable[..., Any]]:
    """Give what runs ``model``, and follow module calls while the block runs.

    `nn.Module.__call__` is wrapped rather than hooked: a wrapper also sees what the module's own hooks do, calls
    that raise, and leaves no hook behind.
    """
    paths = module_paths(model)
    strangers: dict[int, tuple[nn.Module, str]] = {}
    scopes = recorder.scopes
    original = nn.Module.__call__

    abandon: list[Callable[[BaseException], None]] = []

    home, busy = threading.get_ident(), threading.RLock()
    followed = threading.local()

    def call(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
        if threading.get_ident() == home or getattr(followed, "here", False):
            return call_here(module, *args, **kwargs)
        # Modes are a thread's own, and the scopes are one stack: other threads run one after the other.
        with busy, torch.no_grad(), recorder:
            followed.here = True
            try:
                return call_here(module, *args, **kwargs)
            finally:
                followed.here = False

    def call_here(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
        path, unregistered = paths.get(id(module)), None
        if path is None:
            path, unregistered = _stranger(module, scopes.path, strangers), _elements(module)
        scopes.enter(path, type_name(module), records_in((args, kwargs)), unregistered)
        try:
            out = original(module, *args, **kwargs)
        except BaseException as error:
            for close in abandon:
                close(error)
            recorder.blame(error, path, module)
            scopes.abandon()
            raise
        recorder.returned(path, out)
        scopes.leave(records_in(out), recorder.field_of(out))
        return out

    # A call of ours adds frames to each of torch's: a model that runs without us must run with us.
    sys.setrecursionlimit(2 * sys.getrecursionlimit())
    nn.Module.__call__ = call  # type: ignore[method-assign]
    try:
        with scopes_in_parts(model, recorder) as close_parts:
            abandon.append(close_parts)
            yield model
    finally:
        nn.Module.__call__ = original  # type: ignore[method-assign]


def _stranger(module: nn.Module, caller: str, strangers: dict[int, tuple[nn.Module, str]]) -> str:
    """Name a module that is not registered anywhere after its caller and its type: ``encoder.<Linear>``.

    The module is kept beside its name, so that no other one gets its ``id`` while the run lasts.
    """
    if id(module) not in strangers:
        start = f"{caller}.<{type_name(module)}".lstrip(".")
        taken = {name for _, name in strangers.values()}
        names = (f"{start}{'' if number == 1 else f' {number}'}>" for number in count(1))
        strangers[id(module)] = (module, next(name for name in names if name not in taken))
    return strangers[id(module)][1]


def _elements(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters() if not is_lazy(parameter))
