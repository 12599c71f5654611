"""What was asked for: the target, the inputs and the run, as values without any torch in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

# As they can be named; of cuda also one of several: cuda:1.
DEVICES = ("auto", "cpu", "cuda", "mps", "meta")

OptimizerName: TypeAlias = Literal["sgd", "momentum", "adam", "adamw"]
AmpName: TypeAlias = Literal["bfloat16", "float16"]
# Parts of the report that are made where they are asked for; see docs/report.md.
Section: TypeAlias = Literal["graph", "timeline", "units"]
SECTIONS: tuple[Section, ...] = get_args(Section)


@dataclass(frozen=True, slots=True)
class Target:
    """What to inspect: ``source`` is a file or a dotted module, ``attribute`` what to take from it."""

    text: str
    source: str
    attribute: str | None


@dataclass(frozen=True, slots=True)
class Reference:
    """An argument that is an object: a name or a call, ``torch.nn.BatchNorm2d`` or ``Config(width=3)``."""

    text: str


@dataclass(frozen=True, slots=True)
class InputSpec:
    """One dummy input. ``shape`` is without the batch dimension unless the request says otherwise.

    ``name`` is the keyword of ``forward`` it goes to (``None``: by position), or a dotted place in one: tuples count
    from 0. ``dtype`` ``None`` means the model's floating dtype; random integers are from ``low`` on and below ``high``.
    ``fill`` is the one value of a tensor that is not random, ``literal`` the source of a Python value that is given as
    it is, or as a tensor where ``dtype`` is ``"tensor"``; ``file`` holds whole tensors.
    """

    shape: tuple[int, ...]
    name: str | None = None
    dtype: str | None = None
    high: int | None = None
    low: int = 0
    fill: int | None = None
    literal: str | None = None
    file: str | None = None


@dataclass(frozen=True, slots=True)
class UnitSpec:
    """One unit of one module's output: ``index`` counts along the output's spatial axes, from 0."""

    path: str
    index: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class AxesSpec:
    """The axes of the input ``name`` that are positions (``None``: of the one that is followed), and their labels."""

    name: str | None
    axes: tuple[int, ...]
    labels: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """One run of ``summary``: everything that the numbers depend on, and what the target is allowed.

    ``optimizer`` is the one whose training step is estimated (``None``: no estimate is made), ``amp`` the dtype of
    autocast in that step. ``input_from`` is a function that gives the inputs. Without ``weights`` nothing is downloaded
    or loaded while the model is built; with ``definitions`` a file's imports, classes and functions are run and nothing
    else of it. ``past`` is how many tokens a cache holds already, for a decoding step.
    ``argv`` is the command line that the target's code reads.
    ``fallback``: what cannot run on meta may run on the cpu instead. ``sections`` are
    optional parts of the report. Without ``fields`` no receptive fields are followed: nobody will look at them.
    ``given`` names the options that stand on the command line, defaults left out.
    """

    target: Target
    inputs: tuple[InputSpec, ...] = ()
    arguments: tuple[tuple[str, Any], ...] = ()
    input_from: Target | None = None
    batch_size: int | None = 1
    device: str = "auto"
    dtype: str | None = None
    train: bool = False
    field_of: str | None = None
    axes: AxesSpec | None = None
    unit: UnitSpec | None = None
    allow_unsafe: bool = False
    optimizer: OptimizerName | None = "adamw"
    amp: AmpName | None = None
    weights: bool = True
    definitions: bool = False
    past: int = 0
    argv: tuple[str, ...] = ()
    fallback: bool = True
    sections: tuple[Section, ...] = ()
    fields: bool = True
    given: tuple[str, ...] = ()
