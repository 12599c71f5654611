"""An exported graph, run node by node under the module scopes that its nodes remember.

What a module was given and returned is not kept in a program: it is read off the graph. A module that ran no
operator (``nn.Identity``) leaves no node, and so no run.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import fx, nn

from convinspect.frontends.export.inputs import arranged
from convinspect.frontends.export.regions import enter_region, leave_region
from convinspect.frontends.export.tree import stack_of
from convinspect.frontends.frontend import ScopeRecorder
from convinspect.frontends.modules import canonical_paths
from convinspect.records import TensorRecord
from convinspect.tensors.describe import records_in
from convinspect.torch_private import aten, pytree, registries

_WEIGHTS = ("PARAMETER", "BUFFER")
_SIZES = frozenset((torch.ops.aten.sym_size.int, torch.ops.aten.sym_numel.default))
_COMPARISONS = frozenset((operator.ge, operator.le, operator.gt, operator.lt, operator.eq, operator.ne))
_CHECKS = frozenset((aten("_assert_scalar"), torch.ops.aten.sym_constrain_range_for_size.default))


class Interpreter(fx.Interpreter):
    """Runs ``program`` by its flat ``graph``; says which modules of ``model`` begin and end between its nodes."""

    def __init__(self, program: Any, graph: fx.Graph, model: nn.Module, recorder: ScopeRecorder) -> None:
        super().__init__(program.graph_module, graph=graph)
        self._program = program
        self._model = model
        self._recorder = recorder
        self._paths = canonical_paths(model)
        specs = program.graph_signature.input_specs
        weights = {spec.arg.name for spec in specs if spec.kind.name in _WEIGHTS}
        self._runs = _runs_of(graph, weights)
        self._wanted = {node for runs in self._runs.values() for run in runs for node in (*run.given, *run.returned)}
        self._records: dict[Any, tuple[TensorRecord, ...]] = {}
        self._running: tuple[_Run, ...] = ()
        self._regions: list[AbstractContextManager[Any]] = []

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
        if n.target is enter_region:
            self._regions.append(value)
        elif n.target is leave_region:
            self._regions.pop()
        elif n.target in _SIZES and not _is_checked_alone(n):
            (tensor, *_), _ = self.fetch_args_kwargs_from_env(n)
            self._recorder.counted(tensor, (value,) if n.args[1:] else tuple(tensor.shape), str(n.target))
        if n in self._wanted:
            # Records, not tensors: a tensor that is kept would raise the peak that is measured.
            self._records[n] = records_in(value)
            for run in self._running:
                if n in run.returned:
                    self._records[n] = self._recorder.returned(self._paths[run.path], value)
        return value

    def abandon(self, error: BaseException) -> None:
        """Close what was running when ``error`` was raised."""
        while self._regions:
            leave_region(self._regions.pop())
        for run in reversed(self._running):
            self._recorder.abandon(error, self._model.get_submodule(self._paths[run.path]))
        self._recorder.abandon(error, self._model)

    def _input(self, spec: Any, given: Iterator[Any]) -> Any:
        if spec.kind.name == "USER_INPUT":
            return next(given)
        if spec.kind.name in _WEIGHTS:
            path, _, name = spec.target.rpartition(".")
            parameters, buffers = registries(self._model.get_submodule(path))
            # As it is registered now: the run may put another tensor in its place.
            return parameters.get(name, buffers.get(name))
        return self._program.constants.get(spec.target)

    def _move_to(self, runs: tuple[_Run, ...]) -> None:
        kept = 0
        while kept < min(len(runs), len(self._running)) and runs[kept] is self._running[kept]:
            kept += 1
        for run in reversed(self._running[kept:]):
            self._recorder.end(self._recorded(run.returned))
        for run in runs[kept:]:
            self._recorder.enter(self._paths[run.path], run.type, self._recorded(run.given))
        self._running = runs

    def _recorded(self, nodes: list[Any]) -> tuple[TensorRecord, ...]:
        return tuple(record for node in nodes for record in self._records.get(node, ()))


def _is_checked_alone(node: fx.Node) -> bool:
    """Tell a number that nobody asks for but assertions."""
    return all(
        user.target in _CHECKS or (user.target in _COMPARISONS and _is_checked_alone(user)) for user in node.users
    )


@dataclass(eq=False, slots=True)
class _Run:
    """One run of a module: the nodes whose values it was given, and those that it returned."""

    path: str
    type: str
    key: str
    given: list[Any] = field(default_factory=list)
    returned: list[Any] = field(default_factory=list)
    nodes: list[Any] = field(default_factory=list)


def _runs_of(graph: Any, weights: set[str]) -> dict[Any, tuple[_Run, ...]]:
    """Return the runs that each node is in, outermost first, without the model itself.

    ``weights`` names the placeholders of parameters and buffers: no module is given them. What a run returns are
    its values that others read. One that nobody reads counts as well if it comes after those: the states of an
    LSTM, say, and not a leftover of the computation.
    """
    running: tuple[_Run, ...] = ()
    found: dict[Any, tuple[_Run, ...]] = {}
    for node in graph.nodes:
        if node.op in ("placeholder", "get_attr", "output"):
            continue
        running = _running(running, stack_of(node))
        found[node] = running
        for run in running:
            run.nodes.append(node)
    for run in dict.fromkeys(run for runs in found.values() for run in runs):
        _connect(run, weights)
    return found


def _running(before: tuple[_Run, ...], stack: list[tuple[str, str, str]] | None) -> tuple[_Run, ...]:
    if stack is None:  # a node of a pass that keeps no stack: where it stands
        return before
    inner = [entry for entry in stack if entry[1]]
    kept = 0
    while kept < min(len(before), len(inner)) and before[kept].key == inner[kept][0]:
        kept += 1
    return (*before[:kept], *(_Run(path, kind.rpartition(".")[2], key) for key, path, kind in inner[kept:]))


def _connect(run: _Run, weights: set[str]) -> None:
    inside = set(run.nodes)
    given = (source for node in run.nodes for source in node.all_input_nodes)
    outer = (s for s in given if s not in inside and s.op != "get_attr" and s.name not in weights)
    run.given = list(dict.fromkeys(outer))
    for node in run.nodes:
        read_outside = any(user not in inside for user in node.users)
        if read_outside or (not node.users and run.returned):
            run.returned.append(node)
