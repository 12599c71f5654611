"""Module scopes of a TorchScript model: markers in its graphs say when a module begins and ends.

Hooks raise on a ``ScriptModule``, and the interpreter does not come back to Python between a model's own layers.
So every call of a module in every graph gets an operator of ours before it and one after it. They are declared to
have side effects, which keeps them where they are, and are called by the interpreter like any other operator.
"""

from __future__ import annotations

import builtins
import re
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

import torch
from torch import nn

from convinspect.frontends.frontend import Runner, ScopeRecorder
from convinspect.frontends.modules import canonical_paths, type_name
from convinspect.tensors.registered import is_scripted, named_modules
from convinspect.torch_private import method_of, script_object

# The first key that every call passes, below the user's and above the recorder's mode: markers are not recorded.
_KEY = "ADInplaceOrView"
_OPERATORS = torch.library.Library("convinspect", "DEF")
for _schema in (
    "enter(int module, Any inputs) -> ()",
    "enter_behind_interface(Any module, Any inputs) -> ()",
    "leave(Any result) -> ()",
    "left(Tensor tensor) -> ()",
    "cut(Tensor tensor) -> ()",
    "counted(Tensor tensor, str how) -> ()",
    "turn() -> ()",
):
    _OPERATORS.define(_schema, alias_analysis="CONSERVATIVE")


@dataclass(slots=True)
class Run:
    """One forward: where markers write; ``modules`` are paths and modules by the identity of their C++ object."""

    recorder: ScopeRecorder
    modules: dict[int, tuple[str, nn.Module]]
    running: list[tuple[str, nn.Module] | None] = field(default_factory=list)

    def enter(self, identity: int, inputs: Any) -> None:
        """Begin a module; an object of a TorchScript class may have a forward too, and is none."""
        found = self.modules.get(identity)
        self.running.append(found)
        if found is not None:
            path, module = found
            self.recorder.enter(path, type_name(module), self.recorder.received(inputs))

    def leave(self, result: Any) -> None:
        """End what began last."""
        found = self.running.pop()
        if found is not None:
            self.recorder.leave(result)

    def abandon(self, error: BaseException) -> None:
        """Close what was running when ``error`` came out of the interpreter."""
        while self.running:
            found = self.running.pop()
            if found is not None:
                self.recorder.abandon(error, found[1])


_run: ContextVar[Run | None] = ContextVar("_run", default=None)


@contextmanager
def script_scopes(model: nn.Module, recorder: ScopeRecorder) -> Iterator[Runner]:
    """Give a function that runs ``model``, and follow its module calls while the block runs.

    ``model`` must be one that `with_markers` returned: its graphs call the operators of this file.
    """
    method = None if method_of(model, "forward") else method_of(model, "forward__0")
    with scopes_in_parts(model, recorder, canonical_paths(model)) as run:

        def call(*args: Any, **kwargs: Any) -> Any:
            run.enter(_identity(model), (args, kwargs))
            try:
                with _hearing_interrupts() as heard:
                    out = (method or model)(*args, **kwargs)
            except Exception as error:
                if heard:
                    raise KeyboardInterrupt from error
                told = _retold(error, recorder.raised)
                run.abandon(told)
                raise told from error
            run.leave(out)
            return out

        yield call


@contextmanager
def scopes_in_parts(model: nn.Module, recorder: ScopeRecorder, paths: Mapping[str, str] | None = None) -> Iterator[Run]:
    """Follow the calls inside the scripted modules of ``model``, which go by ``paths`` where these are given."""
    parts = [(path, module) for path, module in named_modules(model) if is_scripted(module)]
    run = Run(recorder, {_identity(m): (paths[path] if paths else path, m) for path, m in parts})
    token = _run.set(run)
    try:
        yield run
    finally:
        _run.reset(token)


def _enter(identity: int, inputs: Any) -> None:
    if (run := _run.get()) is not None:
        run.enter(identity, inputs)


def _enter_behind_interface(module: Any, inputs: Any) -> None:
    _enter(hash(module), inputs)  # the identity that prim::id gives, which takes no interface


def _leave(result: Any) -> None:
    if (run := _run.get()) is not None:
        run.leave(result)


def _left(tensor: torch.Tensor) -> None:
    if (run := _run.get()) is not None:
        run.recorder.left(tensor, "Tensor.tolist")


def _cut(tensor: torch.Tensor) -> None:
    if (run := _run.get()) is not None:
        run.recorder.cut(tensor)


def _counted(tensor: torch.Tensor, how: str) -> None:
    if (run := _run.get()) is not None:
        run.recorder.counted(tensor, tensor.shape, how)


def _turn() -> None:
    """Come back to Python once in every turn of a loop, so that an interrupt is heard."""


for _name, _kernel in (
    ("enter", _enter),
    ("enter_behind_interface", _enter_behind_interface),
    ("leave", _leave),
    ("left", _left),
    ("cut", _cut),
    ("counted", _counted),
    ("turn", _turn),
):
    _OPERATORS.impl(_name, _kernel, _KEY)


def _identity(module: nn.Module) -> int:
    return hash(script_object(module))


@contextmanager
def _hearing_interrupts() -> Iterator[list[int]]:
    """Give a list that gets an entry for every Ctrl-C: the interpreter makes an error without words of it."""
    heard: list[int] = []
    before = signal.getsignal(signal.SIGINT)
    if not callable(before) or threading.current_thread() is not threading.main_thread():
        yield heard
        return

    def hear(number: int, frame: FrameType | None) -> None:
        heard.append(number)
        before(number, frame)

    signal.signal(signal.SIGINT, hear)
    try:
        yield heard
    finally:
        signal.signal(signal.SIGINT, before)


def _retold(error: Exception, raised: tuple[str, str] | None) -> Exception:
    """Return ``error`` with the line that says what happened, without the interpreter's own traceback.

    Of what an operator ``raised`` under a recorder, the interpreter has forgotten the words.
    """
    if not str(error).startswith("The following operation failed in the TorchScript interpreter"):
        return error
    told = re.findall(r"^(?:builtins\.)?(\w*(?:Error|Exception)): (.+)", str(error), re.MULTILINE)
    found = told[-1] if told else raised
    if found is None:
        return error
    name, message = found
    kind = getattr(builtins, name, RuntimeError)
    return kind(message) if kind in _TAKES_A_MESSAGE else RuntimeError(message)


_TAKES_A_MESSAGE = (RuntimeError, ValueError, IndexError, TypeError, NotImplementedError, AssertionError)
