"""The compiler, kept out of a run: models run as they are written, and nobody waits for its import."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from types import CodeType, FunctionType
from typing import Any

import torch
import torch._compile

_ANSWER = "__dynamo_disable"


@contextmanager
def uncompiled() -> Iterator[None]:
    """Run the block without ``torch.compile``.

    A model that compiles has imported the compiler, and is told to run eagerly. For any other torch imports it (a
    second) only to ask that the Python code of shape functions and optimizers is left alone. Torch remembers the
    answer on each function, and here it is given beforehand, for as long as the block runs.
    """
    if "torch._dynamo" in sys.modules:
        with torch.compiler.set_stance("force_eager"):
            yield
        return
    answered = [function for function in _asking() if not hasattr(function, _ANSWER)]
    try:
        for function in answered:
            setattr(function, _ANSWER, function)
        yield
    finally:
        for function in answered:
            delattr(function, _ANSWER)


@cache
def _asking() -> tuple[FunctionType, ...]:
    """Return the functions that torch wraps in ``torch._compile._disable_dynamo``."""
    constants = torch._compile._disable_dynamo.__code__.co_consts  # noqa: SLF001 - there is no public name
    asks = [constant for constant in constants if isinstance(constant, CodeType) and constant.co_name == "inner"]
    wrappers = (item for item in gc.get_objects() if type(item) is FunctionType and item.__code__ in asks)
    return tuple(_closure(wrapper)["fn"] for wrapper in wrappers)


def _closure(function: FunctionType) -> dict[str, Any]:
    cells = function.__closure__ or ()
    return {name: cell.cell_contents for name, cell in zip(function.__code__.co_freevars, cells, strict=True)}
