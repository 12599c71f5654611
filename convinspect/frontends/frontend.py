"""What a front end offers: everything that depends on how a model is there, as code, as a script or as a program."""

from __future__ import annotations

import copy
import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Protocol, TypeAlias

import torch
from torch import nn

from convinspect.frontends.modules import make_leaves, type_name
from convinspect.records import Format, ModuleRecord, Note, TensorRecord
from convinspect.tensors.describe import dtype_name
from convinspect.tensors.registered import named_modules, registered_tensors

Runner: TypeAlias = Callable[..., Any]
Told: TypeAlias = tuple[tuple[ModuleRecord, ...], tuple[Note, ...]]


class ScopeRecorder(AbstractContextManager[Any], Protocol):
    """What is told which module begins and ends; operators in between, while it is entered, are that module's.

    ``raised`` is what the last operator that failed raised: the name of the exception, and its words.
    """

    raised: tuple[str, str] | None

    @property
    def path(self) -> str:
        """The dotted path of the running module; the model itself where none is."""

    def received(self, value: Any) -> tuple[TensorRecord, ...]:
        """Get records of the tensors in ``value``, which a module is called with: what `enter` wants."""

    def enter(
        self, path: str, type_name: str, inputs: tuple[TensorRecord, ...], unregistered: int | None = None
    ) -> None:
        """Begin a run of the module at ``path``; one that is not registered brings how many parameters it has."""

    def leave(self, result: Any) -> None:
        """End the running module's run with what it returns."""

    def abandon(self, error: BaseException, module: nn.Module) -> None:
        """End the run of ``module``, the running one, with ``error``."""

    def left(self, tensor: torch.Tensor, how: str) -> None:
        """Say that ``tensor`` becomes an array or a list; ``how`` is what torch calls that."""

    def cut(self, tensor: torch.Tensor) -> None:
        """Say that numbers have cut all of ``tensor`` out of it, for which no operator ran."""

    def counted(self, tensor: torch.Tensor, sizes: Collection[int], how: str) -> None:
        """Say that ``sizes`` of ``tensor`` are read; ``how`` is what torch calls that."""

    def returned(self, path: str, value: Any) -> tuple[TensorRecord, ...]:
        """Say that the module at ``path`` returns ``value``, and get records of the tensors in it."""

    def end(self, outputs: tuple[TensorRecord, ...]) -> None:
        """End the running module's run with records of what it returned: `leave` without a value."""


@dataclass(frozen=True, slots=True)
class Frontend(ABC):
    """A model and how to run it; ``module`` is the tree of its registered modules, with their weights.

    ``no_training`` says why a training step of such a model cannot be estimated, where it cannot.
    """

    module: nn.Module

    format: ClassVar[Format]
    no_training: ClassVar[Note | None] = None

    @property
    def model(self) -> Any:
        """The model as its owner has it."""
        return self.module

    @property
    def name(self) -> str:
        """The class of the model; empty where it is forgotten."""
        return type_name(self.module)

    @property
    def weights(self) -> tuple[torch.Tensor, ...]:
        """All parameters, then all buffers."""
        return tuple(registered_tensors(self.module))

    @property
    def device(self) -> str:
        """The device of the first weight; meta where any has no values."""
        first = next((str(tensor.device) for tensor in self.weights), "cpu")
        return "meta" if any(tensor.is_meta for tensor in self.weights) else first

    @property
    def dtype(self) -> str:
        """The dtype of the first floating or complex weight that arithmetic is done in; float32 where there is none."""
        return dtype_name(_first_dtype(self.weights))

    @property
    def input_dtype(self) -> str:
        """The dtype that floating inputs have: of the first layer's weight, before what the model itself holds.

        Many models multiply in complex numbers what they have transformed, and begin with real ones.
        """
        layers = (tensor for module in self.module.children() for tensor in registered_tensors(module))
        return dtype_name(_first_dtype((*layers, *self.weights)))

    @abstractmethod
    def on(self, device: str) -> Frontend:
        """Return a copy of the model on ``device``; what it gives for meta takes no memory."""

    @abstractmethod
    def signature(self) -> inspect.Signature | None:
        """Return what ``forward`` takes, or ``None`` where nobody knows."""

    def check(self, args: tuple[Any, ...], kwargs: dict[str, Any], names: tuple[str, ...]) -> None:
        """Raise `UsageError` for inputs that the model does not hold for; ``names`` are the report's of ``args``."""
        del args, kwargs, names

    @contextmanager
    def running(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[Frontend]:
        """Give what is run in place of this model: itself, or a copy where running it would change it."""
        del args, kwargs
        yield self

    def having_run(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Frontend:
        """Return the model as it is after a forward: a copy, where a forward may change what is registered."""
        del args, kwargs
        return self

    @abstractmethod
    def scopes(self, recorder: ScopeRecorder) -> AbstractContextManager[Runner]:
        """Give what runs the model, and tell ``recorder`` of its module calls while the block runs."""

    def copied(self) -> Frontend:
        """Return a deep copy of what is run, whose parameters can be trained."""
        module = copy.deepcopy(self.module)
        make_leaves(module)
        return replace(self, module=module)

    def registered(self) -> Iterator[tuple[str, nn.Module]]:
        """Yield every registered module once, with the path that it goes by."""
        yield from named_modules(self.module)

    def told(self, modules: tuple[ModuleRecord, ...], ran: set[str]) -> Told:
        """Return ``modules`` with what only this front end knows of them, and what a reader must know.

        ``ran`` are the paths of the modules that ran.
        """
        del ran
        return modules, ()


def _first_dtype(tensors: Iterable[torch.Tensor]) -> torch.dtype:
    dtypes = (t.dtype for t in tensors if (t.is_floating_point() or t.is_complex()) and t.itemsize > 1)
    return next(dtypes, torch.float32)
