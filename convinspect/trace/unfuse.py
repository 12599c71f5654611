"""What hides operators inside larger ones, switched off for a run: fast paths, fusers, the compiler."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from types import FunctionType
from typing import Any

import torch

from convinspect.torch_private import compiler_wrappers

_ANSWER = "__dynamo_disable"


@contextmanager
def unfused() -> Iterator[None]:
    """Run the block without attention's fast path, TorchScript's fuser and the compiler."""
    fastpath = torch.backends.mha.get_fastpath_enabled()
    with ExitStack() as stack:
        stack.callback(torch.backends.mha.set_fastpath_enabled, fastpath)
        torch.backends.mha.set_fastpath_enabled(value=False)
        # The optimising executor would fuse operators, and run a graph of its own making.
        stack.enter_context(torch.jit.optimized_execution(should_optimize=False))  # type: ignore[attr-defined] # public, unlisted
        stack.enter_context(_uncompiled())
        yield


@contextmanager
def _uncompiled() -> Iterator[None]:
    """Run the block without ``torch.compile``: models run as they are written, and nobody waits for its import.

    A model that compiles has imported the compiler, and is told to run eagerly. For any other torch imports it (a
    second) only to ask that the Python code of shape functions and optimizers is left alone. Torch remembers the
    answer on each function, and here it is given beforehand, for as long as the block runs.
    """
    if "torch._dynamo" in sys.modules:
        with torch.compiler.set_stance("force_eager"):
            yield
        return
    answered = [function for function in asking() if not hasattr(function, _ANSWER)]
    try:
        for function in answered:
            setattr(function, _ANSWER, function)
        yield
    finally:
        for function in answered:
            delattr(function, _ANSWER)


@cache
def asking() -> tuple[FunctionType, ...]:
    """Return the functions whose calls ask for the compiler."""
    codes = compiler_wrappers()
    wrappers = (item for item in gc.get_objects() if type(item) is FunctionType and item.__code__ in codes)
    return tuple(_closure(wrapper)["fn"] for wrapper in wrappers)


def _closure(function: FunctionType) -> dict[str, Any]:
    cells = function.__closure__ or ()
    return {name: cell.cell_contents for name, cell in zip(function.__code__.co_freevars, cells, strict=True)}
