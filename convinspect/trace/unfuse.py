"""What hides operators inside larger ones, switched off for a run: fast paths, fusers, the compiler."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch

from convinspect.torch_private import LEFT_ALONE, compiler_questions, is_compiler_loaded


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
    if is_compiler_loaded():
        with torch.compiler.set_stance("force_eager"):
            yield
        return
    answered = [function for function in compiler_questions() if not hasattr(function, LEFT_ALONE)]
    try:
        for function in answered:
            setattr(function, LEFT_ALONE, function)
        yield
    finally:
        for function in answered:
            delattr(function, LEFT_ALONE)
