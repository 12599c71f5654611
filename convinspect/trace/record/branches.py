"""Conditions that values decide: which branch ran, and what the other one would read."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import torch

from convinspect.errors import first_line
from convinspect.records import Note
from convinspect.tensors.describe import tensors_in
from convinspect.trace.memory.measured import Measurement
from convinspect.trace.record.recorder import Recorder
from convinspect.trace.restore import Weights
from convinspect.users_code import unheard

_SHOWN = 3


class Branches:
    """Takes note of each branch of ``torch.cond`` that ran, and runs the other one for its fields alone."""

    def __init__(self, recorder: Recorder, weights: Weights, measurement: Measurement | None) -> None:
        self._recorder = recorder
        self._weights = weights
        self._measurement = measurement
        self._aside = False
        self._taken: dict[tuple[str, bool], None] = {}

    def chosen(self, taken: bool, out: Any, run_other: Callable[[], Any]) -> None:  # noqa: FBT001 - as it is called
        """Let ``out``, which the branch ``taken`` gave, depend on what either branch reads."""
        if not self._aside:
            self._taken[self._recorder.path, taken] = None
        if not self._recorder.follows:
            return
        measured = nullcontext() if self._measurement is None else self._measurement.paused()
        before, self._aside = self._aside, True
        try:
            with self._recorder.aside(), self._weights.unread(), measured, unheard(), torch.random.fork_rng(()):
                self._recorder.either(tuple(tensors_in(out)), self._other(run_other))
        finally:
            self._aside = before

    def _other(self, run: Callable[[], Any]) -> tuple[torch.Tensor, ...] | str:
        """Return the tensors that the other branch gives, or what it raises."""
        try:
            return tuple(tensors_in(run()))
        except Exception as error:  # noqa: BLE001 - the user's code, on values that it is not meant for
            return f"its other branch raised {type(error).__name__}: {first_line(error)}"

    def note(self) -> tuple[Note, ...]:
        """Return a note of the branches that ran, if there were any."""
        if not self._taken:
            return ()
        said = [f"{str(taken).lower()}{path and f' in {path}'}" for path, taken in self._taken]
        more = f" and {len(said) - _SHOWN} more" if len(said) > _SHOWN else ""
        message = (
            f"torch.cond ran one branch of two, which the values chose ({', '.join(said[:_SHOWN])}{more}): MACs and "
            "memory are those of that branch, fields are of both"
        )
        return (Note("branch_taken", message),)
