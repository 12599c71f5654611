"""What loading gives: a model that can be run, or the trace of a file of weights that cannot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from convinspect.records import Note, Trace


@dataclass(frozen=True, slots=True)
class Loaded:
    """A target in memory, on ``device`` and with floating parameters of ``dtype``.

    ``model`` is an ``nn.Module``, a ``ScriptModule`` or an ``ExportedProgram``; ``None`` where ``trace`` holds
    what a file of weights says without a run. ``example`` is the positional and keyword inputs that the file
    itself knows. A ``disposable`` model was loaded for this run alone: nobody minds when it is changed.
    """

    model: Any
    name: str
    format: Literal["python", "torchscript", "export", "weights"]
    device: str
    dtype: str
    trace: Trace | None = None
    example: tuple[tuple[Any, ...], dict[str, Any]] | None = None
    notes: tuple[Note, ...] = ()
    disposable: bool = False
