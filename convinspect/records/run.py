"""One forward on record: what ran where, modules as registered, calls in order, and what must be said of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from convinspect.records.fields import Unit, Units
from convinspect.records.memory import Timelines, TotalMemory
from convinspect.records.numbers import Count
from convinspect.records.tensors import NamedTensor, TensorRecord, Value

Format: TypeAlias = Literal["python", "torchscript", "export", "weights"]


@dataclass(frozen=True, slots=True)
class Tool:
    """The versions that made the report."""

    version: str
    torch: str
    python: str


@dataclass(frozen=True, slots=True)
class Model:
    """What was inspected; ``mode`` is the training mode it ran in."""

    target: str
    name: str
    format: Format
    mode: Literal["eval", "train"]


@dataclass(frozen=True, slots=True)
class Run:
    """Where and how the forward ran; ``dtype`` is the floating dtype of the model."""

    device: str
    dtype: str
    batch_size: Count | None


@dataclass(frozen=True, slots=True)
class OpCall:
    """One operator that ran.

    ``op`` is its full name with the overload (``aten.convolution.default``); ``args`` maps the names of its
    schema's arguments to records, defaults filled in; ``parent`` is the index in ``Trace.calls`` of the module
    call it ran in (-1: outside any). ``sources``, where they are asked for, are the calls that made the tensors that it
    reads, in the order of its arguments; the model's inputs are -1, -2 and so on, and weights are left out. ``units``,
    where they are asked for, are those of the first output that depends on the followed input. One that ``failed``
    raised: nothing came out of it, and its arguments may be none that it takes.
    """

    op: str
    parent: int
    args: Mapping[str, Value]
    outputs: tuple[TensorRecord, ...]
    allocated_bytes: int | None = None
    saved_bytes: int | None = None
    sources: tuple[int, ...] = ()
    units: Units | None = None
    failed: bool = False


@dataclass(frozen=True, slots=True)
class ModuleCall:
    """One run of a module; ``number`` counts the runs of this module from 1; ``finished``: it returned.

    ``saved_bytes`` is what a training step keeps here for the backward pass beyond the calls inside: results of
    operators that only training runs, such as the masks of a dropout (``None``: not known). ``unregistered`` is how
    many parameters the module has where the model does not know it (``None``: it does). ``units`` are as in `OpCall`.
    """

    path: str
    type: str
    parent: int
    number: int
    inputs: tuple[TensorRecord, ...]
    outputs: tuple[TensorRecord, ...]
    finished: bool = False
    saved_bytes: int | None = None
    unregistered: int | None = None
    units: Units | None = None


@dataclass(frozen=True, slots=True)
class Weight:
    """A parameter or buffer of a module; ``tied_to`` is the path where its storage is counted already.

    ``numel`` is ``None`` for a lazy parameter without a shape. ``used``: an operator read it. ``parts`` are dtypes and
    bytes of what it is made of, where it is made of other tensors: indices and values, integers and their scales.
    """

    name: str
    numel: int | None
    dtype: str
    bytes: int
    trainable: bool = False
    tied_to: str | None = None
    used: bool = False
    parts: tuple[tuple[str, int], ...] = ()


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


# The codes of notes on what was taken where it was not named, and on another place that it ran in.
_TOLD = ("chosen", "guessed", "ran_on_cpu")


@dataclass(frozen=True, slots=True)
class Note:
    """Something that a reader of the numbers must know; ``code`` is for programs, ``message`` for people."""

    code: str
    message: str
    path: str | None = None

    @property
    def is_told(self) -> bool:
        """Whether it is told beside the report, wherever that goes."""
        return self.code in _TOLD


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a forward stopped half-way: where, what was raised there, and, if the layer tells, what it expected.

    ``op`` is the function that raised, as its row is called; ``None`` where a layer did, or code that runs no operator.
    """

    path: str
    type: str
    message: str
    expected: str | None = None
    got: str | None = None
    op: str | None = None


@dataclass(frozen=True, slots=True)
class Trace:
    """One forward: the modules as registered, and the calls in order of execution, parents first.

    ``ran`` is false for a file of weights alone; ``failure`` is set where the forward stopped half-way; ``unit``
    is the one unit that was asked for; ``timelines`` are there on request. ``wants_values``: it stopped for values that
    tensors without data do not have.
    """

    tool: Tool
    model: Model
    run: Run
    modules: tuple[ModuleRecord, ...]
    calls: tuple[ModuleCall | OpCall, ...] = ()
    inputs: tuple[NamedTensor, ...] = ()
    outputs: tuple[NamedTensor, ...] = ()
    notes: tuple[Note, ...] = ()
    ran: bool = True
    failure: Failure | None = None
    memory: TotalMemory | None = None
    unit: Unit | None = None
    timelines: Timelines | None = None
    wants_values: bool = False
