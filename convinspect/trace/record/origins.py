"""Which call made a tensor: the edges between the rows of a report."""

from __future__ import annotations

import weakref
from collections.abc import Iterable

import torch


class Origins:
    """The call that made each tensor that is alive; a model's inputs are ``-1``, ``-2`` and so on.

    Tensors are held weakly: a trace must not raise the peak that it measures.
    """

    def __init__(self, inputs: Iterable[torch.Tensor]) -> None:
        self._made: dict[int, tuple[weakref.ref[torch.Tensor], int]] = {}
        for number, tensor in enumerate(inputs, 1):
            self.made(tensor, -number)

    def made(self, tensor: torch.Tensor, call: int) -> None:
        """Take note that ``call`` made ``tensor``, or wrote into it."""
        self._made[id(tensor)] = (weakref.ref(tensor), call)

    def of(self, tensors: Iterable[torch.Tensor]) -> tuple[int, ...]:
        """Return the calls that made ``tensors``, in order; what no call made (weights, constants) is left out."""
        found: list[int] = []
        for tensor in tensors:
            reference, call = self._made.get(id(tensor), (None, 0))
            # An id may have been another tensor's before.
            if reference is not None and reference() is tensor:
                found.append(call)
        return tuple(found)
