"""How many elements an operator found: a number that values decide, from when somebody reads it off a shape."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from convinspect.fields.operations.causes import Cause
from convinspect.tensors.operators import Signature


class Counts:
    """``found`` are the sizes that operators found; ``read`` is where somebody read one first, or ``None``.

    A size may go on from shape to shape and has nothing to do with values, so sizes that an operator is given are no
    harm. A value is: the count itself, and what may be worked out of it. That is none that operators were given
    before it was read, for those are constants of the code. ``when_found`` is called once there are any: until then
    nobody need look at who reads shapes.
    """

    def __init__(self) -> None:
        self.found: set[int] = set()
        self.read: Cause | None = None
        self.when_found: Callable[[], object] = bool
        self._constants: set[float] = set()

    def see(self, signature: Signature, given: Mapping[str, Any]) -> None:
        """Take note of the values that an operator is given before a count is read."""
        if self.read is None:
            self._constants.update(_values(signature, given))

    def find(self, signature: Signature, given: Mapping[str, Any], made: Sequence[Tensor]) -> None:
        """Take note of the sizes of what an operator has found, if that is what it does."""
        dim = _found_along(signature, given) if signature.finds else None
        if dim is not None:
            if not self.found:
                self.when_found()
            # What was found comes first; where it stood and how often may follow, along one dimension each.
            self.found.update(tensor.shape[dim] for tensor in made[:1] if tensor.dim())

    def came_back(self, signature: Signature, given: Mapping[str, Any], places: Iterable[int]) -> Cause | None:
        """Return where a count was read that may be among the values of an operator, or is one of its ``places``."""
        if self.read is None or signature.name == "aten::arange":  # one place for each of those that were found
            return None
        values = any(value in self.found or value not in self._constants for value in _values(signature, given))
        return self.read if values or any(place in self.found for place in places if place > 1) else None


def _found_along(signature: Signature, given: Mapping[str, Any]) -> int | None:
    """Return along which dimension of its result an operator's finds lie; ``None`` for one that looks places up."""
    if "indices" not in signature.names:
        return int(given.get("dim") or 0)
    chosen = {dim: index for dim, index in enumerate(given["indices"]) if index is not None}
    if not any(index.dtype in (torch.bool, torch.uint8) for index in chosen.values()):
        return None
    first, last = min(chosen), max(chosen)
    return first if len(chosen) == last - first + 1 else 0


def _values(signature: Signature, given: Mapping[str, Any]) -> Iterator[float]:
    for name in signature.values:
        value = given.get(name)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            yield value
