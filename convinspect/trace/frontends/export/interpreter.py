"""Exported programs: their graph, run node by node under the module scopes that its nodes remember.

What a module was given and returned is not kept in a program: it is read off the graph. A module that ran no
operator (``nn.Identity``) leaves no node, and so no run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import fx
from torch.utils import _pytree as pytree

from convinspect.records import ModuleRecord, Note, TensorRecord
from convinspect.tensors.describe import records_in
from convinspect.trace.frontends.export.inputs import arranged
from convinspect.trace.frontends.export.model import ExportedModel, program_of, weight_of
from convinspect.trace.frontends.export.module_runs import Run, runs_of
from convinspect.trace.modules import canonical_paths
from convinspect.trace.record.recorder import Recorder

_WEIGHTS = ("PARAMETER", "BUFFER")
_SHOWN = 3


@contextmanager
def exported_scopes(model: ExportedModel, recorder: Recorder) -> Iterator[Callable[..., Any]]:
    """Give a function that runs ``model``, and follow its module calls while the block runs."""

    def call(*args: Any, **kwargs: Any) -> Any:
        interpreter = _Interpreter(model, recorder)
        recorder.scopes.enter("", type(model).__name__, records_in((args, kwargs)))
        try:
            out = interpreter.call(args, kwargs)
        except BaseException as error:
            interpreter.abandon(error)
            raise
        recorder.returned("", out)
        recorder.scopes.leave(records_in(out), recorder.field_of(out))
        return out

    yield call


def silent_modules(model: Any, modules: tuple[ModuleRecord, ...], ran: set[str]) -> tuple[Note, ...]:
    """Return a note of the modules of an exported ``model`` of which its program says nothing but the name."""
    if not isinstance(model, ExportedModel):
        return ()
    unseen = [m.path for m in modules if m.leaf and m.path not in ran and not (m.params or m.buffers)]
    if not unseen:
        return ()
    names = ", ".join(unseen[:_SHOWN]) + (f" and {len(unseen) - _SHOWN} more" if len(unseen) > _SHOWN else "")
    return (Note("silent_modules", f"no operator in the program comes from {names}: whether they ran is not known"),)


class _Interpreter(fx.Interpreter):
    """Runs the program's graph; says which modules begin and end between its nodes."""

    def __init__(self, model: ExportedModel, recorder: Recorder) -> None:
        self._program = program_of(model)
        super().__init__(self._program.graph_module)
        self._model = model
        self._recorder = recorder
        self._paths = canonical_paths(model)
        specs = self._program.graph_signature.input_specs
        weights = {spec.arg.name for spec in specs if spec.kind.name in _WEIGHTS}
        self._runs = runs_of(self._program.graph, weights)
        self._wanted = {node for runs in self._runs.values() for run in runs for node in (*run.given, *run.returned)}
        self._facts: dict[Any, tuple[TensorRecord, ...]] = {}
        self._fields: dict[Any, Any] = {}
        self._running: tuple[Run, ...] = ()

    def call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Return what the program returns, in the structure that the model returned it in."""
        program = self._program
        flat, _ = pytree.tree_flatten(arranged(program, args, kwargs))
        given = iter(flat)
        inputs = [self._input(spec, given) for spec in program.graph_signature.input_specs]
        values = self.run(*inputs, enable_io_processing=False)
        self._move_to(())
        specs = program.graph_signature.output_specs
        own = [value for spec, value in zip(specs, values, strict=True) if spec.kind.name == "USER_OUTPUT"]
        return pytree.tree_unflatten(own, program.call_spec.out_spec)

    def run_node(self, n: Any) -> Any:
        """Run one node under its modules."""
        if n in self._runs:
            self._move_to(self._runs[n])
        value = super().run_node(n)
        if n in self._wanted:
            # Facts, not tensors: a tensor that is kept would raise the peak that is measured.
            self._facts[n] = records_in(value)
            self._fields[n] = self._recorder.field_of(value)
            for run in self._runs.get(n, ()):
                if run.returned and n is run.returned[0]:
                    self._recorder.returned(self._paths[run.path], value)
            for run in self._running:
                if n in run.returned:
                    self._recorder.returned(self._paths[run.path], value)
        return value

    def abandon(self, error: BaseException) -> None:
        """Close what was running when ``error`` was raised."""
        for run in reversed(self._running):
            path = self._paths[run.path]
            self._recorder.blame(error, path, self._model.get_submodule(path))
            self._recorder.scopes.abandon()
        self._recorder.blame(error, "", self._model)
        self._recorder.scopes.abandon()

    def _input(self, spec: Any, given: Iterator[Any]) -> Any:
        if spec.kind.name == "USER_INPUT":
            return next(given)
        if spec.kind.name in _WEIGHTS:
            return weight_of(self._model, spec.target)
        return self._program.constants.get(spec.target)

    def _move_to(self, runs: tuple[Run, ...]) -> None:
        scopes = self._recorder.scopes
        kept = 0
        while kept < min(len(runs), len(self._running)) and runs[kept] is self._running[kept]:
            kept += 1
        for run in reversed(self._running[kept:]):
            outputs = tuple(fact for node in run.returned for fact in self._facts.get(node, ()))
            fields = (self._fields.get(node) for node in run.returned)
            scopes.leave(outputs, next((field for field in fields if field is not None), None))
        for run in runs[kept:]:
            inputs = tuple(fact for node in run.given for fact in self._facts.get(node, ()))
            scopes.enter(self._paths[run.path], run.type, inputs)
        self._running = runs
