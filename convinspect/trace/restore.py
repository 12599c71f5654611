"""A model, its inputs and the process around a run, left as they were found, also when the run raises."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn.modules import module as nn_module
from torch.nn.parameter import is_lazy

from convinspect.tensors.describe import tensors_in
from convinspect.tensors.identity import storage_id, storage_of
from convinspect.tensors.operators import mutates, signature_of
from convinspect.tensors.registered import registered_modules, registered_tensors
from convinspect.torch_private import undispatched
from convinspect.trace.snapshot import Snapshot, state_of_code
from convinspect.users_code import process_kept

# Each puts one thing back.
_Undo = Callable[[], None]


class Kept:
    """What a model, its inputs and its files hold, written down once, to be put back after any run of the model."""

    def __init__(self, model: nn.Module, inputs: Any = ()) -> None:
        self.modules = registered_modules(model)
        self.snapshot = Snapshot((*self.modules, inputs), around=state_of_code(self.modules))
        found = (*registered_tensors(model), *tensors_in(inputs), *self.snapshot.tensors)
        self.tensors = [tensor for tensor in {id(tensor): tensor for tensor in found}.values() if not is_lazy(tensor)]
        self._states = [_state(tensor) for tensor in self.tensors]

    def restore(self, weights: Weights) -> None:
        """Put everything back, the values of ``weights`` too, and each of them onto its own storage."""
        self.snapshot.restore()
        weights.restore()
        for put_back in self._states:
            put_back()


@contextmanager
def restored(model: nn.Module, inputs: Any = (), kept: Kept | None = None) -> Iterator[Weights]:
    """Run the block and undo what it did to ``model``'s weights, attributes and flags, to the ``inputs`` and around.

    Attributes are put back as they were, with the contents of containers and plain objects, and the globals of the
    model's own files; around the model are the states that torch, numpy and Python keep for the whole process.
    ``kept`` is what there was of the model before others took the places of its tensors.
    """
    kept = kept or Kept(model, inputs)
    weights = Weights((*registered_tensors(model), *tensors_in(inputs), *kept.tensors))
    undo = [*_random_states(), *_switches(), *_global_hooks()]
    with process_kept():
        try:
            yield weights
        finally:
            kept.restore(weights)
            for put_back in undo:
                put_back()


class Weights:
    """The parameters, buffers and inputs of a run: which of them it reads, and what values they had before it.

    `touch` is called before every operator. A storage that the operator is about to change, through whatever view,
    is copied first, so a run that changes nothing (the common case) copies nothing.
    """

    def __init__(self, tensors: Iterable[torch.Tensor]) -> None:
        self._known: dict[int, list[int]] = {}
        for tensor in {id(tensor): tensor for tensor in tensors}.values():
            if not is_lazy(tensor):
                self._known.setdefault(storage_id(tensor), []).append(id(tensor))
        self._saved: dict[int, tuple[Any, Any]] = {}
        self.used: set[int] = set()

    def touch(self, func: Any, given: Iterable[torch.Tensor]) -> None:
        """Note the weights among the tensors ``given`` to an operator, and save the storages that it changes.

        Without an operator (``None``) somebody has their memory, and may write there.
        """
        for tensor in given:
            key = storage_id(tensor)
            if key in self._known:
                self.used.update(self._known[key])
                if key not in self._saved and _may_change(func, tensor):
                    self._saved[key] = _copied(tensor)

    @contextmanager
    def unread(self) -> Iterator[None]:
        """Run the block, which reads weights that the run does not."""
        used = self.used.copy()
        try:
            yield
        finally:
            self.used = used

    def restore(self) -> None:
        """Put the saved values back."""
        for original, copy in self._saved.values():
            if copy is not None:
                original.copy_(copy)


def _may_change(func: Any, tensor: torch.Tensor) -> bool:
    if func is None:
        return True
    signature = signature_of(func)
    # The norms' operators write running statistics without saying so in their schemas.
    return mutates(func) or (signature is not None and "_norm" in signature.name and not tensor.requires_grad)


def _copied(tensor: torch.Tensor) -> tuple[Any, Any]:
    """Return what holds the tensor's values and a copy of it; no copy of what has no values."""
    storage = storage_of(tensor)
    with undispatched():
        if storage is None:
            return tensor.detach(), tensor.detach().clone()
        return storage, None if storage.device.type == "meta" else storage.clone()


def _state(tensor: torch.Tensor) -> _Undo:
    """Keep what a weight is besides its values: where they lie, its gradient, whether it requires one."""
    alias, requires_grad = tensor.detach(), tensor.requires_grad
    grad = tensor.grad if tensor.is_leaf else None

    def put_back() -> None:
        if not tensor.is_leaf:
            return
        if tensor.requires_grad != requires_grad:
            tensor.requires_grad_(requires_grad)
        if tensor.grad is not grad:
            tensor.grad = grad
        # What is sparse is put back with what is in it, and lies nowhere else; what is nested has no one shape.
        if storage_of(tensor) is None or tensor.is_nested:
            return
        if storage_id(tensor) != storage_id(alias) or tensor.shape != alias.shape:
            tensor.data = alias

    return put_back


def _random_states() -> Iterator[_Undo]:
    python, generator = random.getstate(), torch.get_rng_state()
    yield lambda: random.setstate(python)
    yield lambda: torch.set_rng_state(generator)
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        state = numpy.random.get_state()
        yield lambda: numpy.random.set_state(state)
    if torch.cuda.is_initialized():
        devices = torch.cuda.get_rng_state_all()
        yield lambda: torch.cuda.set_rng_state_all(devices)


def _switches() -> Iterator[_Undo]:
    """Yield what puts each switch back; one that was not touched is left alone, for some are slow to set."""
    cudnn, mha = torch.backends.cudnn, torch.backends.mha
    yield _switch(torch.is_grad_enabled, torch.set_grad_enabled)
    yield _switch(torch.get_default_dtype, torch.set_default_dtype)
    yield _switch(torch.get_num_threads, torch.set_num_threads)
    yield _switch(torch.get_float32_matmul_precision, torch.set_float32_matmul_precision)
    yield _switch(torch.is_anomaly_enabled, torch.autograd.set_detect_anomaly)
    yield _switch(torch.are_deterministic_algorithms_enabled, torch.use_deterministic_algorithms)
    yield _switch(mha.get_fastpath_enabled, mha.set_fastpath_enabled)
    yield _switch(lambda: cudnn.benchmark, lambda value: setattr(cudnn, "benchmark", value))


def _switch(read: Callable[[], Any], write: Callable[[Any], Any]) -> _Undo:
    before = read()

    def put_back() -> None:
        if read() != before:
            write(before)

    return put_back


def _global_hooks() -> Iterator[_Undo]:
    for name, hooks in vars(nn_module).items():
        if name.startswith("_global_") and isinstance(hooks, dict):
            yield _hooks(hooks)


def _hooks(hooks: dict[Any, Any]) -> _Undo:
    before = dict(hooks)

    def put_back() -> None:
        hooks.clear()
        hooks.update(before)

    return put_back
