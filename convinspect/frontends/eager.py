"""Python code: every call of a module says when it begins and ends; scripted parts tell their own calls."""

from __future__ import annotations

import inspect
import sys
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from itertools import count
from typing import Any, ClassVar, Literal

import torch
from torch import nn
from torch.nn.parameter import UninitializedBuffer, is_lazy

from convinspect.frontends.frontend import Frontend, Runner, ScopeRecorder, Told
from convinspect.frontends.modules import type_name
from convinspect.frontends.placing import copied, copy_to
from convinspect.frontends.torchscript.markers import marked_parts
from convinspect.frontends.torchscript.scopes import scopes_in_parts
from convinspect.frontends.torchscript.script import with_constants
from convinspect.records import ModuleRecord
from convinspect.tensors.registered import is_scripted, named_modules, registered_buffers, registered_parameters


@dataclass(frozen=True, slots=True)
class Eager(Frontend):
    """A module that Python runs."""

    format: ClassVar[Literal["python"]] = "python"

    def on(self, device: str) -> Eager:
        """Return a copy of the model on ``device``; for meta the model itself, which runs on stand-ins there."""
        return self if device == "meta" else Eager(copy_to(self.module, device))

    def signature(self) -> inspect.Signature | None:
        """Return that of ``forward``."""
        try:
            return inspect.signature(self.module.forward)
        except (AttributeError, TypeError, ValueError):
            return None

    @contextmanager
    def running(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[Eager]:
        """Give the model itself, or where it is lazy a copy that has its shapes; scripted parts get their markers."""
        running = replace(self, module=_materialised(self.module, args, kwargs)) if _is_lazy(self) else self
        with marked_parts(running.module):
            yield running

    def having_run(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Eager:
        """Return a copy that has run once; the model itself where it cannot be copied."""
        with suppress(Exception):  # the user's own code copies it
            return replace(self, module=_materialised(self.module, args, kwargs))
        return self

    def told(self, modules: tuple[ModuleRecord, ...], ran: set[str]) -> Told:
        """Return ``modules`` with the constants of parts that are frozen scripts, and why."""
        del ran
        return with_constants(modules, _scripted_parts(self.module))

    @contextmanager
    def scopes(self, recorder: ScopeRecorder) -> Iterator[Runner]:
        """Give the model, and follow module calls while the block runs.

        `nn.Module.__call__` is wrapped rather than hooked: a wrapper also sees what the module's own hooks do, calls
        that raise, and leaves no hook behind.
        """
        original = nn.Module.__call__
        # A call of ours adds frames to each of torch's: a model that runs without us must run with us.
        sys.setrecursionlimit(2 * sys.getrecursionlimit())
        try:
            with scopes_in_parts(self.module, recorder) as parts:
                calls = _Calls(self.module, recorder, original, parts.abandon)

                def call(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
                    with calls.in_this_thread():
                        return calls.run(module, args, kwargs)

                nn.Module.__call__ = call  # type: ignore[method-assign]
                yield self.module
        finally:
            nn.Module.__call__ = original  # type: ignore[method-assign]


class _Calls:
    """What `nn.Module.__call__` does during one run."""

    def __init__(self, model: nn.Module, recorder: ScopeRecorder, original: Any, abandon_parts: Any) -> None:
        self._paths = {id(module): path for path, module in named_modules(model)}
        self._recorder = recorder
        self._original = original
        self._abandon_parts = abandon_parts
        self._strangers: dict[int, tuple[nn.Module, str]] = {}
        self._home, self._busy = threading.get_ident(), threading.RLock()
        self._elsewhere = threading.local()

    def in_this_thread(self) -> AbstractContextManager[None]:
        """Return what a call must run under: in a thread that the model started, the recorder too."""
        at_home = threading.get_ident() == self._home or getattr(self._elsewhere, "followed", False)
        return nullcontext() if at_home else self._following()

    @contextmanager
    def _following(self) -> Iterator[None]:
        # Modes are a thread's own, and the scopes are one stack: other threads run one after the other.
        with self._busy, torch.no_grad(), self._recorder:
            self._elsewhere.followed = True
            try:
                yield
            finally:
                self._elsewhere.followed = False

    def run(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run ``module`` as a scope of its own."""
        recorder = self._recorder
        path, unregistered = self._paths.get(id(module)), None
        if path is None:
            path, unregistered = self._name_stranger(module), _elements(module)
        recorder.enter(path, type_name(module), recorder.received((args, kwargs) if kwargs else args), unregistered)
        try:
            out = self._original(module, *args, **kwargs)
        except BaseException as error:
            self._abandon_parts(error)
            recorder.abandon(error, module)
            raise
        recorder.leave(out)
        return out

    def _name_stranger(self, module: nn.Module) -> str:
        """Name a module that is not registered anywhere after its caller and its type: ``encoder.<Linear>``.

        The module is kept beside its name, so that no other one gets its ``id`` while the run lasts.
        """
        if id(module) not in self._strangers:
            start = f"{self._recorder.path}.<{type_name(module)}".lstrip(".")
            taken = {name for _, name in self._strangers.values()}
            names = (f"{start}{'' if number == 1 else f' {number}'}>" for number in count(1))
            self._strangers[id(module)] = (module, next(name for name in names if name not in taken))
        return self._strangers[id(module)][1]


def _scripted_parts(model: nn.Module) -> dict[str, nn.Module]:
    """Return the scripted modules of ``model`` that stand in no other one, by their paths."""
    parts: dict[str, nn.Module] = {}
    for path, module in named_modules(model):
        if is_scripted(module) and not any(path.startswith(f"{above}.") for above in parts):
            parts[path] = module
    return parts


def _elements(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in registered_parameters(module) if not is_lazy(parameter))


def _is_lazy(frontend: Eager) -> bool:
    return any(map(is_lazy, frontend.weights))


def _materialised(model: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> nn.Module:
    """Return a copy of a model that has run once: what is lazy has its shape, what it makes in a forward is there."""
    # A lazy buffer cannot be deep-copied as it is.
    lazy = {id(b): UninitializedBuffer(device=b.device, dtype=b.dtype) for b in registered_buffers(model) if is_lazy(b)}  # type: ignore[call-arg] # torch leaves its signature out
    shaped = copied(model, lazy)
    # What is wrong with this forward is told by the one that is recorded.
    with suppress(Exception), torch.random.fork_rng(), torch.no_grad():
        shaped.eval()(*args, **kwargs)
    return shaped
