"""An exported program, and the tree of modules that it remembers."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import fx, nn

from convinspect.frontends.export.inputs import check_inputs
from convinspect.frontends.export.interpreter import Interpreter, Scopes, call_program
from convinspect.frontends.export.regions import flattened
from convinspect.frontends.export.stacks import Stacks
from convinspect.frontends.export.tree import module_tree
from convinspect.frontends.frontend import Frontend, Runner, ScopeRecorder, Told
from convinspect.frontends.modules import canonical_modules
from convinspect.records import ModuleRecord, Note
from convinspect.torch_private import give_own_weights

_SHOWN = 3
_SILENT = "no operator in the program comes from {}: whether they ran is not known"
_UNSURE = "whether {} was called is not known: the program tells only that its weights were used"
_PLACED = (
    "the program does not keep in which modules a part of it ran (without gradients, under autocast, in a branch or a "
    "loop): the rows there stand under the modules whose weights they read"
)


@dataclass(frozen=True, slots=True)
class Program(Frontend):
    """The graph of one forward; ``module`` is made of the names that its nodes remember, with the program's weights.

    ``graph`` is the program's with the nodes of its regions in their place; ``stacks`` are the modules of all nodes.
    """

    program: Any
    graph: fx.Graph
    stacks: Stacks
    format: ClassVar[Literal["export"]] = "export"
    no_training: ClassVar[Note] = Note(
        "training_unknown",
        "what a training step needs is not known: an exported program is the graph of the mode it was exported in",
    )

    @classmethod
    def of(cls, program: Any) -> Program:
        """Return the front end of ``program``, which keeps its own tensors: they are registered, not copied."""
        graph = flattened(program.graph_module)
        stacks = Stacks.in_program(program, graph)
        return cls(module_tree(program, graph), program, graph, stacks)

    @property
    def model(self) -> Any:
        """The program."""
        return self.program

    @property
    def name(self) -> str:
        """The class of the exported model, where a node of the program remembers it."""
        return "" if type(self.module) is nn.Module else type(self.module).__name__

    def on(self, device: str) -> Program:
        """Return a program on ``device``; on meta its weights are, and it runs as it would on the CPU."""
        mine = copy.copy(self.program)
        # The caller's program keeps its tensors: on meta they are replaced in these.
        give_own_weights(mine)
        real = "cpu" if device == "meta" else device
        if _device_of(mine) != torch.device(real):
            from torch.export.passes import move_to_device_pass  # noqa: PLC0415 - from torch 2.7 on

            mine = move_to_device_pass(mine, real)
        if device == "meta":
            for tensors in (mine.state_dict, mine.constants):
                tensors.update((n, _on_meta(t)) for n, t in tensors.items() if isinstance(t, torch.Tensor))
        return Program.of(mine)

    def signature(self) -> inspect.Signature | None:
        """Return what the program was exported with: all of it is needed, by the same names."""
        names = self.program.module_call_graph[0].signature.forward_arg_names
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        return inspect.Signature([inspect.Parameter(name, kind) for name in names]) if names else None

    def check(self, args: tuple[Any, ...], kwargs: dict[str, Any], names: tuple[str, ...]) -> None:
        """Raise `UsageError` for an input of a shape, dtype or structure that the program was not exported for."""
        check_inputs(self.program, args, kwargs, names)

    @contextmanager
    def scopes(self, recorder: ScopeRecorder) -> Iterator[Runner]:
        """Run the graph node by node, under the modules that its nodes remember."""

        def call(*args: Any, **kwargs: Any) -> Any:
            scopes = Scopes(self.module, recorder)
            interpreter = Interpreter(self.program.graph_module, self.graph, self.stacks, scopes)
            recorder.enter("", type(self.module).__name__, recorder.received((args, kwargs)))
            try:
                out = call_program(self.program, interpreter, self.module, args, kwargs)
            except BaseException as error:
                recorder.abandon(error, self.module)
                raise
            recorder.leave(out)
            return out

        yield call

    def registered(self) -> Iterator[tuple[str, nn.Module]]:
        """Yield every module once, also where the program has one under two names."""
        return canonical_modules(self.module)

    def told(self, modules: tuple[ModuleRecord, ...], ran: set[str]) -> Told:
        """Return ``modules``, and a note of those of which the program says nothing but the name."""
        told = self.stacks.told
        notes = [Note("placed_by_weights", _PLACED)] if told else []
        unsure = (m.path for m in modules if m.path in told - ran and any(w.used for w in (*m.params, *m.buffers)))
        notes += [Note("silent_modules", _UNSURE.format(path), path) for path in unsure]
        unseen = [m.path for m in modules if m.leaf and m.path not in ran and not (m.params or m.buffers)]
        if unseen:
            names = ", ".join(unseen[:_SHOWN]) + (f" and {len(unseen) - _SHOWN} more" if len(unseen) > _SHOWN else "")
            notes.append(Note("silent_modules", _SILENT.format(names)))
        return modules, tuple(notes)


def is_exported_program(model: Any) -> bool:
    """Tell an exported program without importing ``torch.export``, which takes a second."""
    return type(model).__name__ == "ExportedProgram" and type(model).__module__.startswith("torch.export")


def _device_of(program: Any) -> torch.device:
    nodes = (node.kwargs.get("device") for node in program.graph.nodes)
    made = (device for device in nodes if isinstance(device, torch.device))
    return next((t.device for t in program.state_dict.values()), None) or next(made, torch.device("cpu"))


def _on_meta(tensor: torch.Tensor) -> torch.Tensor:
    empty = torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device="meta")
    return nn.Parameter(empty, tensor.requires_grad) if isinstance(tensor, nn.Parameter) else empty
