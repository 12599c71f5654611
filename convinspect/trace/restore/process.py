"""The process around a run: random states, modes and switches, put back as they were."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.nn.modules import module as nn_module


@contextmanager
def process_state() -> Iterator[None]:
    """Run the block and undo what it did to the states that torch, numpy and Python keep for the whole process."""
    undo = [*_random_states(), *_switches(), *_global_hooks()]
    try:
        yield
    finally:
        for put_back in undo:
            put_back()


def _random_states() -> Iterator[Callable[[], None]]:
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


def _switches() -> Iterator[Callable[[], None]]:
    """Yield what puts each switch back; one that was not touched is left alone, for some are slow to set."""
    cudnn, mha = torch.backends.cudnn, torch.backends.mha
    pairs: tuple[tuple[Callable[[], Any], Callable[[Any], Any]], ...] = (
        (torch.is_grad_enabled, torch.set_grad_enabled),
        (torch.get_default_dtype, torch.set_default_dtype),
        (torch.get_num_threads, torch.set_num_threads),
        (torch.get_float32_matmul_precision, torch.set_float32_matmul_precision),
        (torch.is_anomaly_enabled, torch.autograd.set_detect_anomaly),
        (torch.are_deterministic_algorithms_enabled, torch.use_deterministic_algorithms),
        (mha.get_fastpath_enabled, mha.set_fastpath_enabled),
        (lambda: cudnn.benchmark, lambda value: setattr(cudnn, "benchmark", value)),
        (sys.getrecursionlimit, sys.setrecursionlimit),
    )
    for read, write in pairs:
        yield _restoring(read, write)


def _restoring(read: Callable[[], Any], write: Callable[[Any], Any]) -> Callable[[], None]:
    before = read()

    def put_back() -> None:
        if read() != before:
            write(before)

    return put_back


def _global_hooks() -> Iterator[Callable[[], None]]:
    for name, hooks in vars(nn_module).items():
        if name.startswith("_global_") and isinstance(hooks, dict):
            yield _refilling(hooks)


def _refilling(hooks: dict[Any, Any]) -> Callable[[], None]:
    before = dict(hooks)

    def put_back() -> None:
        hooks.clear()
        hooks.update(before)

    return put_back
