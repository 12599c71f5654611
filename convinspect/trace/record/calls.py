"""Which module is running: the calls of one forward in order, each with the call that it ran in."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from convinspect.records import ModuleCall, OpCall, ReceptiveField, TensorRecord


class Calls:
    """A stack of running modules over the list of calls that they and their operators make."""

    def __init__(self) -> None:
        self._calls: list[ModuleCall | OpCall] = []
        self._running: list[int] = []
        self._runs: Counter[str] = Counter()

    @property
    def calls(self) -> tuple[ModuleCall | OpCall, ...]:
        """All calls so far, parents before children."""
        return tuple(self._calls)

    @property
    def next_index(self) -> int:
        """The index that the next call will have."""
        return len(self._calls)

    @property
    def parent(self) -> int:
        """The index of the running module's call, or -1."""
        return self._running[-1] if self._running else -1

    @property
    def path(self) -> str:
        """The dotted path of the running module; the model itself where none is."""
        return self._module(self.parent).path if self._running else ""

    def enter(
        self, path: str, type_name: str, inputs: tuple[TensorRecord, ...], unregistered: int | None = None
    ) -> None:
        """Begin a run of the module at ``path``; one that is not registered brings how many parameters it has."""
        self._runs[path] += 1
        call = ModuleCall(path, type_name, self.parent, self._runs[path], inputs, (), unregistered=unregistered)
        self._running.append(self.add(call))

    def end(self, outputs: tuple[TensorRecord, ...], field: ReceptiveField | None) -> None:
        """End the running module's run with records of what it returned."""
        index = self._running.pop()
        self._calls[index] = replace(self._module(index), outputs=outputs, receptive_field=field, finished=True)

    def drop(self) -> None:
        """End the running module's run without a result."""
        self._running.pop()

    def add(self, call: ModuleCall | OpCall) -> int:
        """Add one call and return its index."""
        self._calls.append(call)
        return len(self._calls) - 1

    def _module(self, index: int) -> ModuleCall:
        call = self._calls[index]
        if not isinstance(call, ModuleCall):
            raise TypeError(f"call {index} is an operator, not a module")
        return call
