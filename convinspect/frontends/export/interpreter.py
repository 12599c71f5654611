"""An exported graph, run node by node under the module scopes that its nodes came from.

What a module was given and returned is not kept in a program: it is read off the graph. A module that ran no
operator (``nn.Identity``) leaves no node, and so no run.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import fx, nn

from convinspect.frontends.export.inputs import arranged
from convinspect.frontends.export.regions import enter_region, leave_region
from convinspect.frontends.export.runs import Run, runs_of
from convinspect.frontends.export.stacks import Stacks
from convinspect.frontends.frontend import ScopeRecorder
from convinspect.frontends.modules import canonical_paths, type_name
from convinspect.records import TensorRecord
from convinspect.tensors.describe import records_in
from convinspect.torch_private import aten, pytree, registries

_WEIGHTS = ("PARAMETER", "BUFFER")
_SIZES = frozenset((torch.ops.aten.sym_size.int, torch.ops.aten.sym_numel.default))
_COMPARISONS = frozenset((operator.ge, operator.le, operator.gt, operator.lt, operator.eq, operator.ne))
_CHECKS = frozenset((aten("_assert_scalar"), torch.ops.aten.sym_constrain_range_for_size.default))


class Scopes:
    """The runs of modules of ``model`` that are going on, as told to ``recorder``."""

    def __init__(self, model: nn.Module, recorder: ScopeRecorder) -> None:
        self.running: tuple[Run, ...] = ()
        self._model = model
        self._recorder = recorder
        self._paths = canonical_paths(model)
        self._records: dict[fx.Node, tuple[TensorRecord, ...]] = {}

    def move_to(self, runs: tuple[Run, ...]) -> None:
        """End the runs that are none of ``runs``, and begin those that are not running."""
        kept = 0
        while kept < min(len(runs), len(self.running)) and runs[kept] is self.running[kept]:
            kept += 1
        for run in reversed(self.running[kept:]):
            self._recorder.end(self._recorded(run.returned))
        for run in runs[kept:]:
            path = self._paths[run.path]
            self._recorder.enter(path, type_name(self._model.get_submodule(path)), self._recorded(run.given))
        self.running = runs

    def note(self, node: fx.Node, value: Any) -> None:
        """Keep records of the ``value`` of a node that runs are given, or return."""
        # Records, not tensors: a tensor that is kept would raise the peak that is measured.
        self._records[node] = records_in(value)
        for run in self.running:
            if node in run.returned:
                self._records[node] = self._recorder.returned(self._paths[run.path], value)

    def counted(self, tensor: torch.Tensor, sizes: tuple[int, ...], node: fx.Node) -> None:
        """Tell that the program reads ``sizes`` of ``tensor``, as numbers."""
        self._recorder.counted(tensor, sizes, str(node.target))

    def abandon(self, error: BaseException, down_to: int = 0) -> None:
        """Close the runs that were going on when ``error`` was raised, but for the first ``down_to``."""
        for run in reversed(self.running[down_to:]):
            self._recorder.abandon(error, self._model.get_submodule(self._paths[run.path]))
        self.running = self.running[:down_to]

    def _recorded(self, nodes: list[fx.Node]) -> tuple[TensorRecord, ...]:
        return tuple(record for node in nodes for record in self._records.get(node, ()))


class Interpreter(fx.Interpreter):
    """Runs the ``graph`` of a program, or of a function in it, whose parts are in ``module``; tells ``scopes``."""

    def __init__(self, module: fx.GraphModule, graph: fx.Graph, stacks: Stacks, scopes: Scopes) -> None:
        super().__init__(module, graph=graph)
        self._stacks = stacks
        self._scopes = scopes
        self._outside = scopes.running
        self._runs = runs_of(graph, stacks, self._outside)
        self._wanted = {node for runs in self._runs.values() for run in runs for node in (*run.given, *run.returned)}
        self._regions: list[AbstractContextManager[Any]] = []

    def call(self, *args: Any) -> Any:
        """Return what the graph returns of ``args``, one for each of its inputs."""
        try:
            values = self.run(*args, enable_io_processing=False)
        except BaseException as error:
            while self._regions:
                leave_region(self._regions.pop())
            self._scopes.abandon(error, len(self._outside))
            raise
        self._scopes.move_to(self._outside)
        return values

    def run_node(self, n: Any) -> Any:
        """Run one node under its modules."""
        if n in self._runs:
            self._scopes.move_to(self._runs[n])
        value = super().run_node(n)
        if n.target is enter_region:
            self._regions.append(value)
        elif n.target is leave_region:
            self._regions.pop()
        elif n.target in _SIZES and not _is_checked_alone(n):
            (tensor, *_), _ = self.fetch_args_kwargs_from_env(n)
            self._scopes.counted(tensor, (value,) if n.args[1:] else tuple(tensor.shape), n)
        if n in self._wanted:
            self._scopes.note(n, value)
        # What nobody reads would be kept to the end.
        return value if n.users or n.op == "output" else None

    def get_attr(self, target: Any, args: Any, kwargs: Any) -> Any:
        """Return a part of the program; of a function whose nodes came from modules what runs it under them."""
        value = super().get_attr(target, args, kwargs)
        if not isinstance(value, fx.GraphModule) or not any(map(self._stacks.of.get, value.graph.nodes)):
            return value
        return lambda *given: Interpreter(value, value.graph, self._stacks, self._scopes).call(*given)


def call_program(
    program: Any, interpreter: Interpreter, model: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Return what the ``program`` returns, in the model's own structure; ``model`` has its weights."""
    flat, _ = pytree.tree_flatten(arranged(program, args, kwargs))
    signature, given = program.graph_signature, iter(flat)
    values = interpreter.call(*[_input(program, model, spec, given) for spec in signature.input_specs])
    own = [value for spec, value in zip(signature.output_specs, values, strict=True) if spec.kind.name == "USER_OUTPUT"]
    return pytree.tree_unflatten(own, program.call_spec.out_spec)


def _input(program: Any, model: nn.Module, spec: Any, given: Iterator[Any]) -> Any:
    if spec.kind.name == "USER_INPUT":
        return next(given)
    if spec.kind.name in _WEIGHTS:
        path, _, name = spec.target.rpartition(".")
        parameters, buffers = registries(model.get_submodule(path))
        # As it is registered now: the run may put another tensor in its place.
        return parameters.get(name, buffers.get(name))
    return program.constants.get(spec.target)


def _is_checked_alone(node: fx.Node) -> bool:
    """Tell a number that nobody asks for but assertions."""
    return all(
        user.target in _CHECKS or (user.target in _COMPARISONS and _is_checked_alone(user)) for user in node.users
    )
