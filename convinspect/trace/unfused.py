"""What hides operators inside larger ones, switched off for a run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch

from convinspect.trace.uncompiled import uncompiled


@contextmanager
def unfused() -> Iterator[None]:
    """Run the block without attention's fast path, TorchScript's fuser and the compiler."""
    fastpath = torch.backends.mha.get_fastpath_enabled()
    with ExitStack() as stack:
        stack.callback(torch.backends.mha.set_fastpath_enabled, fastpath)
        torch.backends.mha.set_fastpath_enabled(value=False)
        # The optimising executor would fuse operators, and run a graph of its own making.
        stack.enter_context(torch.jit.optimized_execution(should_optimize=False))  # type: ignore[attr-defined] # public, unlisted
        stack.enter_context(uncompiled())
        yield
