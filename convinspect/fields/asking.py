"""The one unit of one module whose input box was asked for."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import replace

from torch import Tensor

from convinspect.errors import InspectError, UsageError
from convinspect.records import Unit
from convinspect.spec import UnitSpec


class Asked:
    """A question that is answered when the module returns for the first time: later its output may be gone."""

    def __init__(self, spec: UnitSpec) -> None:
        self._spec = spec
        self._paths: dict[str, None] = {}
        self._answer: Unit | InspectError | None = None

    def returned(
        self, unit: Callable[[Tensor, Sequence[int]], Unit | None], path: str, tensors: Sequence[Tensor]
    ) -> None:
        """Answer with ``unit`` if the module at ``path`` is the one, for the first of ``tensors`` that has a field."""
        self._paths[path] = None
        if path != self._spec.path or self._answer is not None:
            return
        try:
            units = (unit(tensor, self._spec.index) for tensor in tensors)
            found = next((one for one in units if one is not None), None)
        except UsageError as error:
            self._answer = error.within(f"--unit {path}")
        else:
            nothing = UsageError(f"--unit {path}: its output depends on no input with spatial axes")
            self._answer = nothing if found is None else replace(found, path=path)

    def answer(self) -> Unit:
        """Return the unit; raises `UsageError` where the module did not run or has no such unit."""
        if isinstance(self._answer, Unit):
            return self._answer
        if self._answer is not None:
            raise self._answer
        near = difflib.get_close_matches(self._spec.path, self._paths, n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else None
        raise UsageError(f"--unit {self._spec.path}: no module of this path ran", hint)
