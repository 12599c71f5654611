"""What loading gives: a model that can be run, or the modules of a file of weights that cannot."""

from __future__ import annotations

import platform
from dataclasses import dataclass, replace
from importlib.metadata import version
from types import ModuleType
from typing import TYPE_CHECKING, Any

from convinspect.errors import UsageError
from convinspect.records import Format, Model, ModuleRecord, Note, Run, Tool, Trace
from convinspect.spec import Request
from convinspect.version import __version__

if TYPE_CHECKING:
    from convinspect.frontends import Frontend  # it imports torch, and a file of weights is read without

# Read before any of the user's code runs: that may take Python's finders of packages away.
_TORCH = version("torch")
_REAL = {"complex32": "float16", "complex64": "float32", "complex128": "float64"}


@dataclass(frozen=True, slots=True)
class Loaded:
    """The target of ``request`` in memory, on ``device`` and with floating parameters of ``dtype``.

    ``frontend`` runs it; ``None`` where ``modules`` holds all that a file of weights says. ``example`` is the
    positional and keyword inputs that the file itself knows, ``built_by`` the class or factory that gave the model, and
    ``module`` what was imported for it. ``floating`` is a dtype for floating inputs, where it is not the front end's.
    """

    request: Request
    frontend: Frontend | None
    name: str
    device: str
    dtype: str
    modules: tuple[ModuleRecord, ...] = ()
    example: tuple[tuple[Any, ...], dict[str, Any]] | None = None
    notes: tuple[Note, ...] = ()
    built_by: Any = None
    module: ModuleType | None = None
    floating: str | None = None

    @property
    def input_dtype(self) -> str:
        """The dtype of floating inputs that nobody gives one."""
        return self.floating or (self.runnable.input_dtype if self.dtype in _REAL else self.dtype)

    def with_real_inputs(self) -> Loaded | None:
        """Return the same with inputs that are not complex; ``None`` where they are real."""
        real = _REAL.get(self.input_dtype)
        return replace(self, floating=real) if real else None

    @property
    def runnable(self) -> Frontend:
        """The front end; raises `UsageError` for a file of weights."""
        if self.frontend is None:
            raise UsageError(f"{self.request.target.text}: a file of weights has no forward to run")
        return self.frontend

    def without_run(self) -> Trace:
        """Return the trace of what is known before a run: of a file of weights, all that there is."""
        request = self.request
        form: Format = "weights" if self.frontend is None else self.frontend.format
        return Trace(
            Tool(__version__, _TORCH, platform.python_version()),
            Model(request.target.text, self.name, form, "train" if request.train else "eval"),
            Run(self.device, self.dtype, request.batch_size),
            self.modules,
            notes=self.notes,
            ran=False,
        )
