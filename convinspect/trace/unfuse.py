"""What hides operators inside larger ones, switched off for a run: fast paths, fusers, inference mode, the compiler."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext

import torch

from convinspect.light_imports import without_compiler
from convinspect.torch_private import is_compiler_loaded, kernel_on_cpu, replacing_inference_mode


@contextmanager
def unfused(*, fastpath: bool = False) -> Iterator[None]:
    """Run the block without attention's ``fastpath``, TorchScript's fuser, inference mode and the compiler."""
    before = torch.backends.mha.get_fastpath_enabled()
    with ExitStack() as stack:
        stack.callback(torch.backends.mha.set_fastpath_enabled, before)
        torch.backends.mha.set_fastpath_enabled(value=fastpath)
        # The optimising executor would fuse operators, and run a graph of its own making.
        stack.enter_context(torch.jit.optimized_execution(should_optimize=False))  # type: ignore[attr-defined] # public, unlisted
        stack.enter_context(_without_inference_mode())
        stack.enter_context(_uncompiled())
        stack.enter_context(_one_hot_without_questions())
        yield


@contextmanager
def _without_inference_mode() -> Iterator[None]:
    """Let ``torch.inference_mode`` switch gradients off and do no more: it would give us composite operators whole."""
    modes: list[bool] = [False]

    @contextmanager
    def switching_gradients(mode: bool) -> Iterator[None]:  # noqa: FBT001 - as torch calls it
        modes.append(mode)
        try:
            with torch.set_grad_enabled(not mode):
                yield
        finally:
            modes.pop()

    with (
        torch.inference_mode(mode=False) if torch.is_inference_mode_enabled() else nullcontext(),
        replacing_inference_mode(switching_gradients, lambda: modes[-1]),
    ):
        yield


@contextmanager
def _one_hot_without_questions() -> Iterator[None]:
    """Let ``one_hot`` on the CPU take its own path without asking for values first.

    The numbers of its checks are nobody's, and for a tensor without data torch compares with all classes instead.
    """
    with kernel_on_cpu("one_hot", _one_hot):
        yield


def _one_hot(index: torch.Tensor, num_classes: int = -1) -> torch.Tensor:
    """Return ``(*index.shape, num_classes)``, by default as many classes as the largest index asks for."""
    classes = num_classes if num_classes >= 0 else int(index.max()) + 1
    return index.new_zeros((*index.shape, classes)).scatter_(-1, index.unsqueeze(-1), 1)


@contextmanager
def _uncompiled() -> Iterator[None]:
    """Run the block without ``torch.compile``: models run as they are written, and nobody waits for its import.

    A model that compiles has imported the compiler, and is told to run eagerly.
    """
    with torch.compiler.set_stance("force_eager") if is_compiler_loaded() else without_compiler():
        yield
