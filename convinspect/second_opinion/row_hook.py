"""What torchsummary is about to write down, seen a moment before it does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn


@dataclass(frozen=True, slots=True)
class HookedRow:
    """One row of torchsummary: which module it is about, in which of its runs, and by which hook on it.

    Runs and hooks are counted from 1; a module that is registered under two parents is hooked twice.
    """

    path: str
    call: int
    hook: int


class RowHook:
    """Hooks on the modules that torchsummary hooks, set before its own, so that rows can be told by path."""

    def __init__(self, model: nn.Module) -> None:
        self.seen: list[HookedRow] = []
        self.unreadable: str | None = None
        self._model = model
        self._paths = {id(module): path for path, module in model.named_modules()}
        self._hooks: Counter[str] = Counter()
        self._fired: Counter[str] = Counter()
        # As torchsummary itself goes through the model.
        model.apply(self._watch)

    def _watch(self, module: nn.Module) -> None:
        if is_left_out(module) or module is self._model:
            return
        path = self._paths[id(module)]
        self._hooks[path] += 1

        def witness(_module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
            call, hook = divmod(self._fired[path], self._hooks[path])
            self._fired[path] += 1
            self.seen.append(HookedRow(path, call + 1, hook + 1))
            self.unreadable = _unreadable(args, output)

        module.register_forward_hook(witness)


def is_left_out(module: nn.Module | None) -> bool:
    """Tell whether torchsummary makes no row for modules of this type."""
    return isinstance(module, (nn.Sequential, nn.ModuleList))


@contextmanager
def restored(model: nn.Module) -> Iterator[None]:
    """Take off all hooks that the block leaves behind, and put back training flags and buffers.

    torchsummary takes its own hooks off only where nothing went wrong.
    """
    before = [(m, m.training, m._forward_hooks.copy()) for m in model.modules()]  # noqa: SLF001 - no public name
    buffers = [(buffer, buffer.detach().clone()) for buffer in model.buffers()]
    try:
        yield
    finally:
        for module, training, hooks in before:
            module.training = training
            # In place: handles that were given out for the hooks refer to this very dict.
            module._forward_hooks.clear()  # noqa: SLF001
            module._forward_hooks.update(hooks)  # noqa: SLF001
        for buffer, value in buffers:
            buffer.detach().copy_(value)


def _unreadable(args: tuple[Any, ...], output: Any) -> str | None:
    """Say what torchsummary cannot write down of a module's run: it asks tensors, and nothing else, for sizes."""
    if not args:
        return "it is called with keyword arguments alone"
    if not isinstance(args[0], torch.Tensor):
        return f"its first input is {_a(args[0])}"
    if not isinstance(output, (list, tuple)):
        if not isinstance(output, torch.Tensor):
            return f"its output is {_a(output)}"
        return None if output.ndim else "its output has no axes"
    wrong = [value for value in output if not isinstance(value, torch.Tensor)]
    return f"its output holds {_a(wrong[0])}" if wrong else None


def _a(value: Any) -> str:
    return "None" if value is None else f"a {type(value).__name__}"
