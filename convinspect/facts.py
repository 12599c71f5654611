"""What one run of a model showed: the trace, as ints and strings, with every tensor left behind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

FieldStatus: TypeAlias = Literal["exact", "upper_bound", "global", "data_dependent", "unknown"]
Jump: TypeAlias = int | str
Phase: TypeAlias = Literal["forward", "backward", "step"]
AliveKind: TypeAlias = Literal[
    "weights", "inputs", "gradients", "optimizer", "saved", "outputs", "activations", "temporaries"
]
Interval: TypeAlias = tuple[int, int]


@dataclass(frozen=True, slots=True)
class TensorFact:
    """One tensor: ``shape``, ``dtype`` as torch names it without the prefix (``float32``), ``bytes``."""

    shape: tuple[int, ...]
    dtype: str
    bytes: int


Value: TypeAlias = "TensorFact | int | float | bool | str | tuple[Value, ...] | None"


@dataclass(frozen=True, slots=True)
class GlobalGate:
    """What made a field global: the module path and the operator."""

    path: str
    op: str


@dataclass(frozen=True, slots=True)
class LocalField:
    """A field with its global gates set aside; one entry per spatial axis, as in `ReceptiveField`."""

    size: tuple[int | None, ...] | None
    size_min: tuple[int | None, ...] | None
    jump: tuple[Jump | None, ...] | None
    start: tuple[int | None, ...] | None
    center: tuple[Interval | None, ...] | None
    halo: tuple[Interval | None, ...] | None = None


@dataclass(frozen=True, slots=True)
class ReceptiveField:
    """Which input indices a tensor depends on; every tuple has one entry per spatial axis of ``input``.

    ``size`` is nominal (unclipped), the largest over channels and phases, ``size_min`` the smallest; ``jump``
    an int, or text such as ``"1/2"``; ``start`` the first input index that output 0 sees (negative: padding);
    ``center`` the inclusive interval inside the real input that the unit at ``n // 2`` depends on (``None``:
    nothing); ``coverage`` its share of the input. ``halo``: how many input positions before and after a tile its
    units read, for tiles cut where all phases start anew. ``axes`` are axes of the input tensor, batch included.
    """

    input: str
    axes: tuple[int, ...]
    size: tuple[int | None, ...] | None
    size_min: tuple[int | None, ...] | None
    jump: tuple[Jump | None, ...] | None
    start: tuple[int | None, ...] | None
    center: tuple[Interval | None, ...] | None
    coverage: tuple[float, ...] | None
    local: LocalField | None
    global_via: GlobalGate | None
    aligned: bool
    status: FieldStatus
    halo: tuple[Interval | None, ...] | None = None


@dataclass(frozen=True, slots=True)
class Unit:
    """The input box that one unit depends on, over its channels; one entry per axis of the followed input.

    ``path`` is the module whose output the unit belongs to, ``index`` its place on the output's spatial axes. ``box``
    is clipped to the real input (``None``: it depends on nothing), ``nominal`` unclipped (``None`` where no nominal
    field is known, and for global fields). ``cells`` and ``padding_cells`` are how many positions the nominal box has,
    and how many of these are padding.
    """

    input: str
    axes: tuple[int, ...]
    index: tuple[int, ...]
    box: tuple[Interval | None, ...]
    nominal: tuple[Interval | None, ...]
    cells: int | None
    padding_cells: int | None
    path: str = ""


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
    outputs: tuple[TensorFact, ...]
    allocated_bytes: int | None = None
    saved_bytes: int | None = None
    receptive_field: ReceptiveField | None = None


@dataclass(frozen=True, slots=True)
class ModuleCall:
    """One run of a module; ``number`` counts the runs of this module from 1; ``finished``: it returned.

    ``saved_bytes`` is what a training step keeps here for the backward pass beyond the calls inside: results of
    operators that only training runs, such as the masks of a dropout (``None``: not known).
    """

    path: str
    type: str
    parent: int
    number: int
    inputs: tuple[TensorFact, ...]
    outputs: tuple[TensorFact, ...]
    receptive_field: ReceptiveField | None = None
    finished: bool = False
    saved_bytes: int | None = None


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
class ModuleFact:
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
class NamedTensor:
    """A tensor that goes into or comes out of the model, with the name that the report gives it."""

    name: str
    fact: TensorFact


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


@dataclass(frozen=True, slots=True)
class Alive:
    """Bytes of one kind that are alive at a peak; ``path``, ``call`` and ``op`` say which row made them.

    Weights, inputs, gradients and optimizer states are told in one sum each, with an empty ``path`` and no ``op``.
    """

    kind: AliveKind
    path: str
    call: int
    op: str | None
    bytes: int


@dataclass(frozen=True, slots=True)
class Peak:
    """The most bytes that were alive at once: during ``op``, run by call number ``call`` of the module ``path``.

    ``by_kind`` and ``alive`` (largest first) each add up to ``bytes``. In the backward ``phase`` the row is the one
    whose gradient is computed, and ``op`` the operator that computes it.
    """

    bytes: int
    phase: Phase
    path: str
    call: int
    op: str | None
    by_kind: Mapping[str, int]
    alive: tuple[Alive, ...]


@dataclass(frozen=True, slots=True)
class TrainingStep:
    """One whole step of training as the allocator sees it: forward, backward, the step of ``optimizer``.

    ``saved_bytes`` is what lives from the forward to the backward pass (weights, inputs and outputs that nobody
    saves are not counted). ``amp`` is the dtype of autocast, or ``None``.
    """

    optimizer: str
    amp: str | None
    gradient_bytes: int
    optimizer_bytes: int
    saved_bytes: int
    peak: Peak


@dataclass(frozen=True, slots=True)
class Measured:
    """What the allocator of the device itself counted during the same forward, in bytes.

    ``workspace_bytes`` is what libraries keep allocated for themselves. ``estimate_bytes`` is the peak by liveness
    of that run with every storage rounded up to the allocator's blocks of ``block_bytes``; ``difference_percent``
    what was allocated beyond the two, in percent of the estimate.
    """

    allocated_bytes: int
    reserved_bytes: int
    workspace_bytes: int
    estimate_bytes: int
    block_bytes: int
    difference_percent: float


@dataclass(frozen=True, slots=True)
class Memory:
    """What the storages of a run showed: weights and inputs, each storage counted once, and the peaks.

    ``inference_blocks_bytes`` is the inference peak with every storage rounded up to 512 bytes, as CUDA's caching
    allocator gives them out.
    """

    weight_bytes: int
    input_bytes: int
    inference: Peak | None = None
    training: TrainingStep | None = None
    measured: Measured | None = None
    inference_blocks_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Trace:
    """One forward: the modules as registered, and the calls in order of execution, parents first.

    ``ran`` is false for a file of weights alone; ``failure`` is set where the forward stopped half-way; ``unit``
    is the one unit that was asked for.
    """

    modules: tuple[ModuleFact, ...]
    calls: tuple[ModuleCall | OpCall, ...] = ()
    inputs: tuple[NamedTensor, ...] = ()
    outputs: tuple[NamedTensor, ...] = ()
    notes: tuple[Note, ...] = ()
    ran: bool = True
    failure: Failure | None = None
    memory: Memory | None = None
    unit: Unit | None = None
