"""One forward as facts: modules as registered, calls in order of execution, and what must be said of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from convinspect.records.fields import ReceptiveField, Unit
from convinspect.records.memory import Memory
from convinspect.records.tensors import NamedTensor, TensorRecord, Value


@dataclass(frozen=True, slots=True)
class OpCall:
    """One operator that ran.

    ``op`` is its full name with the overload (``aten.convolution.default``); ``args`` maps the names of its
    schema's arguments to facts, defaults filled in; ``parent`` is the index in ``Trace.calls`` of the module
    call it ran in (-1: outside any).
    """

    op: str
    parent: int
    args: Mapping[str, Value]
    outputs: tuple[TensorRecord, ...]
    allocated_bytes: int | None = None
    saved_bytes: int | None = None
    receptive_field: ReceptiveField | None = None


@dataclass(frozen=True, slots=True)
class ModuleCall:
    """One run of a module; ``number`` counts the runs of this module from 1; ``finished``: it returned.

    ``saved_bytes`` is what a training step keeps here for the backward pass beyond the calls inside: results of
    operators that only training runs, such as the masks of a dropout (``None``: not known). ``unregistered`` is how
    many parameters the module has where the model does not know it (``None``: it does).
    """

    path: str
    type: str
    parent: int
    number: int
    inputs: tuple[TensorRecord, ...]
    outputs: tuple[TensorRecord, ...]
    receptive_field: ReceptiveField | None = None
    finished: bool = False
    saved_bytes: int | None = None
    unregistered: int | None = None


@dataclass(frozen=True, slots=True)
class Weight:
    """A parameter or buffer of a module; ``tied_to`` is the path where its storage is counted already.

    ``numel`` is ``None`` for a lazy parameter that has no shape yet. ``used``: an operator read it.
    """

    name: str
    numel: int | None
    dtype: str
    bytes: int
    trainable: bool = False
    tied_to: str | None = None
    used: bool = False


@dataclass(frozen=True, slots=True)
class ModuleRecord:
    """One registered module: ``leaf`` has no modules below it, ``container`` defines no forward.

    ``builtin`` modules are torch's own classes.
    """

    path: str
    type: str
    leaf: bool
    container: bool
    builtin: bool
    params: tuple[Weight, ...] = ()
    buffers: tuple[Weight, ...] = ()


@dataclass(frozen=True, slots=True)
class Note:
    """Something that a reader of the numbers must know; ``code`` is for programs, ``message`` for people."""

    code: str
    message: str
    path: str | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a forward stopped half-way: where, what was raised there, and what the layer expected and got."""

    path: str
    type: str
    message: str
    expected: str | None = None
    got: str | None = None


@dataclass(frozen=True, slots=True)
class Trace:
    """One forward: the modules as registered, and the calls in order of execution, parents first.

    ``ran`` is false for a file of weights alone; ``failure`` is set where the forward stopped half-way; ``unit``
    is the one unit that was asked for.
    """

    modules: tuple[ModuleRecord, ...]
    calls: tuple[ModuleCall | OpCall, ...] = ()
    inputs: tuple[NamedTensor, ...] = ()
    outputs: tuple[NamedTensor, ...] = ()
    notes: tuple[Note, ...] = ()
    ran: bool = True
    failure: Failure | None = None
    memory: Memory | None = None
    unit: Unit | None = None
