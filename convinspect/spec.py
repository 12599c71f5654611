"""What was asked for: the target, the inputs and the run, as values without any torch in them."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias, cast, get_args

from convinspect.errors import UsageError

_DTYPE_SHORT = {
    "float": "float32",
    "double": "float64",
    "half": "float16",
    "fp32": "float32",
    "fp16": "float16",
    "bf16": "bfloat16",
    "long": "int64",
    "int": "int32",
}
_FLOATS = ("float16", "bfloat16", "float32", "float64")
_DTYPES = (*_FLOATS, "complex64", "complex128", "uint8", "int8", "int16", "int32", "int64", "bool")
_EXAMPLE = "for example: --input 3,224,224 or --input ids=128:int64:30522"
_NAME = re.compile(r"[A-Za-z_]\w*")
# An argument of forward, or a place in one: hidden.0, batch.0.rgb.
_PATH = re.compile(r"[A-Za-z_]\w*(\.\w+)*")
# As they can be named; of cuda also one of several: cuda:1.
DEVICES = ("auto", "cpu", "cuda", "meta", "mps")
_DEVICE = re.compile(rf"{'|'.join(DEVICES)}|cuda:[0-9]{{1,4}}")
# Sizes are 64-bit integers in torch.
_LARGEST = 2**63 - 1


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


def parse_argv(text: str) -> tuple[str, ...]:
    """Read a command line as the shell does."""
    try:
        return tuple(shlex.split(text))
    except ValueError as error:
        raise UsageError(f"--argv {text}: {error}", "for example: --argv '--width 32'") from None


def parse_sections(names: Collection[str]) -> tuple[Section, ...]:
    """Return the sections called ``names`` in one order; raises `UsageError` for one that does not exist."""
    for name in names:
        if name not in SECTIONS:
            raise UsageError(f"{name}: no section of the report", f"choose from: {', '.join(SECTIONS)}")
    return tuple(section for section in SECTIONS if section in names)


def parse_target(text: str) -> Target:
    """Read ``model.py``, ``model.py:Net``, ``package.module:attr`` or the name of any other file."""
    head, colon, tail = text.rpartition(":")
    if not colon or re.match(r"[\\/]", tail):  # no colon, or the drive letter of C:\model.py
        return Target(text, text, None)
    if not head or not re.fullmatch(r"[^\W\d]\w*(\.[^\W\d]\w*)*", tail):
        message = f"{text}: after the colon a class, instance or factory is expected, got {tail!r}"
        raise UsageError(message, "for example: model.py:Net")
    return Target(text, head, tail)


def parse_input(text: str) -> InputSpec:
    """Read ``[NAME=][ones:|zeros:]D1,D2,...[:DTYPE[:[LOW..]HIGH]]``; ``3x224x224`` reads as ``3,224,224``.

    ``NAME=[[1,4,4]]`` is a tensor of these numbers, ``NAME:=VALUE`` a Python value. Raises `UsageError` naming the part
    that does not fit.
    """
    name, walrus, value = text.partition(":=")
    if walrus:
        return parse_literal(name, value, f"--input {text}")
    name, equals, rest = text.rpartition("=")
    if rest.startswith("[["):
        return replace(parse_literal(name, rest, f"--input {text}"), dtype="tensor")
    if equals and not is_place(name.strip()):
        raise UsageError(f"--input {text}: {name!r} is not a name of an argument", _EXAMPLE)
    sizes, *kind = (part.strip() for part in rest.split(":"))
    fill = {"ones": 1, "zeros": 0}.get(sizes)
    if fill is not None and kind:
        sizes, *kind = kind
    if len(kind) > 2:  # noqa: PLR2004 - dtype and high
        raise UsageError(f"--input {text}: expected SHAPE:DTYPE:HIGH at most", _EXAMPLE)
    dtype = parse_dtype(kind[0], f"--input {text}") if kind and kind[0] else None
    low, _, bound = kind[1].rpartition("..") if len(kind) > 1 else ("", "", "")
    high = _high(bound, dtype, text) if len(kind) > 1 else None
    least = _high(low, dtype, text) if low and low != "0" else 0
    if high is not None and least >= high:
        raise UsageError(f"--input {text}: no number is at least {least} and below {high}", _EXAMPLE)
    return InputSpec(_shape(sizes, text, bare=not kind), name.strip() or None, dtype, high, least, fill)


def parse_literal(name: str, value: str, place: str) -> InputSpec:
    """Return the input ``name`` that is the Python value written in ``value``; raises `UsageError` where none is."""
    if not is_place(name.strip()):
        raise UsageError(f"{place}: {name!r} is not a name of an argument", "for example: --input start:=0")
    try:
        ast.literal_eval(value)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        raise UsageError(f"{place}: {value!r} is not a Python literal", "for example: --input start:=0") from None
    return InputSpec((), name.strip(), literal=value)


def is_place(name: str) -> bool:
    """Tell whether ``name`` can be an argument of ``forward``, or a dotted place in one."""
    return _PATH.fullmatch(name) is not None


def parse_function(text: str) -> Target:
    """Read ``module:function`` or ``file.py:function``, the function that gives the inputs."""
    target = parse_target(text)
    if target.attribute is None:
        raise UsageError(f"--input-from {text}: expected MODULE:FUNCTION", "for example: --input-from data.py:batch")
    return target


def parse_device(text: str) -> str:
    """Return ``text`` where it names a device; whether this machine has it is asked when it is needed."""
    if not _DEVICE.fullmatch(text):
        raise UsageError(f"--device {text}: not a device", "known: auto, cpu, cuda, cuda:N, mps, meta")
    return text


def parse_optimizer(name: str | None) -> OptimizerName | None:
    """Return the optimizer of that name; ``"none"`` is none, and so is ``None``."""
    if name in (None, "none"):
        return None
    if name not in get_args(OptimizerName):
        raise UsageError(f"optimizer {name!r}: not known here", f"known: {', '.join(get_args(OptimizerName))}, none")
    return cast("OptimizerName", name)


def parse_amp(name: str | None) -> AmpName | None:
    """Return the dtype of autocast, which has a short name as well: ``bf16``, ``fp16``."""
    if name is None:
        return None
    dtype = _DTYPE_SHORT.get(name, name)
    if dtype not in get_args(AmpName):
        raise UsageError(f"amp {name!r}: not a dtype of autocast", "known: bf16, fp16")
    return cast("AmpName", dtype)


def parse_unit(text: str) -> UnitSpec:
    """Read ``LAYER:I,J``; an empty LAYER is the model itself."""
    path, colon, index = text.rpartition(":")
    parts = [part.strip() for part in index.split(",")]
    if not colon or not all(map(_is_count, parts)):
        raise UsageError(f"--unit {text}: expected LAYER:I,J", "for example: --unit layer1.0:3,4")
    return UnitSpec(path, tuple(_count(part, f"--unit {text}") for part in parts))


def parse_axes(text: str) -> AxesSpec:
    """Read ``[INPUT=][LABEL,LABEL:]AXIS,AXIS``: axes count from 0, the batch included."""
    name, equals, rest = text.rpartition("=")
    words, colon, numbers = rest.rpartition(":")
    parts = [part.strip() for part in numbers.split(",")]
    labels = tuple(word.strip() for word in words.split(",")) if colon else None
    fits = labels is None or (len(labels) == len(parts) and all(map(_NAME.fullmatch, labels)))
    if (equals and not name.strip()) or not fits or not all(map(_is_count, parts)) or len(set(parts)) < len(parts):
        raise UsageError(f"--axes {text}: expected [INPUT=][LABEL,LABEL:]AXIS,AXIS", "for example: --axes x=h,w:2,3")
    return AxesSpec(name.strip() or None, tuple(_count(part, f"--axes {text}") for part in parts), labels)


def parse_dtype(text: str, place: str) -> str:
    """Return torch's name of the dtype ``text``; raises `UsageError` for one that is not known."""
    dtype = _DTYPE_SHORT.get(text.removeprefix("torch."), text.removeprefix("torch."))
    if dtype not in _DTYPES:
        raise UsageError(f"{place}: unknown dtype {text!r}", f"known: {', '.join(_DTYPES)}")
    return dtype


def parse_float_dtype(text: str, place: str) -> str:
    """Return the name of the floating dtype ``text``: a model cannot be cast to another."""
    dtype = _DTYPE_SHORT.get(text.removeprefix("torch."), text.removeprefix("torch."))
    if dtype not in _FLOATS:
        raise UsageError(f"{place}: {text} is not a floating dtype", f"known: {', '.join(_FLOATS)}")
    return dtype


def _shape(sizes: str, text: str, *, bare: bool) -> tuple[int, ...]:
    """Read ``3,224,224``, ``3x224x224``, ``3 224 224``, and what Python prints of a shape: ``(3, 224, 224)``."""
    if not sizes and not bare:
        return ()
    inner = sizes[1:-1].strip() if (sizes[:1], sizes[-1:]) in (("(", ")"), ("[", "]")) else sizes
    parts = re.split(r"\s*[,x\u00d7]\s*|\s+", inner)
    if parts[-1] == "" and len(parts) > 1:  # "128," as Python writes a tuple of one
        parts.pop()
    if not all(map(_is_count, parts)):
        raise UsageError(f"--input {text}: {sizes!r} is not a shape", _EXAMPLE)
    return tuple(_count(part, f"--input {text}") for part in parts)


def _count(digits: str, place: str) -> int:
    """Return a number that fits in 64 bits; of thousands of digits Python would not even make one."""
    if len(digits.lstrip("0")) > len(str(_LARGEST)) or int(digits) > _LARGEST:
        raise UsageError(f"{place}: a number of {len(digits)} digits is larger than any tensor", _EXAMPLE)
    return int(digits)


def _high(value: str, dtype: str | None, text: str) -> int:
    if dtype is None or "int" not in dtype:
        raise UsageError(f"--input {text}: only integers have a highest value, not {dtype}", _EXAMPLE)
    if not _is_count(value) or _count(value, f"--input {text}") < 1:
        raise UsageError(f"--input {text}: {value!r} is not a positive count of values", _EXAMPLE)
    return int(value)


def _is_count(text: str) -> bool:
    """Tell whether ``text`` is a number in digits that Python and torch agree on."""
    return text.isascii() and text.isdigit()
