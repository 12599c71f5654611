"""The model and the process, left as they were found, also when the run raises."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import nn

from convinspect.trace.facts_of import tensors_in

_REGISTRIES = ("_parameters", "_buffers", "_modules")


class Weights:
    """The parameters and buffers of a model: which of them a run reads, and what they were before it.

    `touch` is called before every operator. A weight that the operator is about to change is copied first, so a
    run that changes nothing (the common case) copies nothing.
    """

    def __init__(self, model: nn.Module) -> None:
        self._known = {id(t): t for t in (*model.parameters(), *model.buffers())}
        self._saved: dict[int, torch.Tensor] = {}
        self.used: set[int] = set()

    def touch(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Note the weights that the operator reads, and save those that it changes."""
        for tensor in tensors_in((args, kwargs)):
            if id(tensor) in self._known:
                self.used.add(id(tensor))
                if _may_change(func, tensor) and id(tensor) not in self._saved:
                    self._saved[id(tensor)] = tensor.detach().clone()

    @torch.no_grad()
    def restore(self) -> None:
        """Put the saved values back."""
        for key, value in self._saved.items():
            self._known[key].copy_(value)


@contextmanager
def left_as_found(model: nn.Module) -> Iterator[Weights]:
    """Run the block and undo what it did to ``model``'s attributes, weights and training flags.

    Also restored: random states, gradient mode, default dtype and the switches of the backends.
    """
    attributes = [(module, _snapshot(module)) for module in model.modules()]
    weights = Weights(model)
    with ExitStack() as stack:
        stack.enter_context(_process_state())
        try:
            yield weights
        finally:
            for module, (own, registries) in attributes:
                _put_back(module, own, registries)
            weights.restore()


def _may_change(func: Any, tensor: torch.Tensor) -> bool:
    schema = getattr(func, "_schema", None)
    if schema is None or schema.is_mutable:
        return True
    # The norms' operators write running statistics without saying so in their schemas.
    return "_norm" in schema.name and not tensor.requires_grad


def _snapshot(module: nn.Module) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    own = dict(module.__dict__)
    return own, {name: dict(own[name]) for name in _REGISTRIES if isinstance(own.get(name), dict)}


def _put_back(module: nn.Module, own: dict[str, Any], registries: dict[str, dict[str, Any]]) -> None:
    module.__dict__.clear()
    module.__dict__.update(own)
    for name, entries in registries.items():
        registry = own[name]
        registry.clear()
        registry.update(entries)


@contextmanager
def _process_state() -> Iterator[None]:
    numpy = sys.modules.get("numpy")
    python_rng, torch_rng = random.getstate(), torch.get_rng_state()
    numpy_rng = numpy.random.get_state() if numpy else None
    cuda_rng = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else None
    grad, dtype = torch.is_grad_enabled(), torch.get_default_dtype()
    fastpath = torch.backends.mha.get_fastpath_enabled()
    deterministic = torch.are_deterministic_algorithms_enabled()
    benchmark = torch.backends.cudnn.benchmark
    try:
        yield
    finally:
        random.setstate(python_rng)
        torch.set_rng_state(torch_rng)
        if numpy and numpy_rng is not None:
            numpy.random.set_state(numpy_rng)
        if cuda_rng is not None:
            torch.cuda.set_rng_state_all(cuda_rng)
        torch.set_grad_enabled(grad)
        torch.set_default_dtype(dtype)
        torch.backends.mha.set_fastpath_enabled(fastpath)
        # Saying it again would import the compiler: a second.
        if torch.are_deterministic_algorithms_enabled() != deterministic:
            torch.use_deterministic_algorithms(deterministic)
        torch.backends.cudnn.benchmark = benchmark
