"""The words that options are given, read as the values of `spec`; what does not fit is told by the option's name."""

from __future__ import annotations

import ast
import re
import shlex
import warnings
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any, cast, get_args

from convinspect.errors import UsageError
from convinspect.spec import (
    DEVICES,
    SECTIONS,
    AmpName,
    AxesSpec,
    InputSpec,
    OptimizerName,
    Reference,
    Section,
    Target,
    UnitSpec,
)

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
_DEVICE = re.compile(rf"{'|'.join(DEVICES)}|cuda:[0-9]{{1,4}}")
# Python's parser takes the interpreter with it where a literal is nested some thousand levels deep.
_LONGEST_LITERAL = 10_000
_DEEPEST_LITERAL = 50
# Sizes are 64-bit integers in torch.
_LARGEST = 2**63 - 1


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


def parse_argument(text: str) -> tuple[str, Any]:
    """Read ``NAME=VALUE``, ``NAME.PART=VALUE`` or ``VALUE`` by position, which has an empty name.

    The value is a Python literal, ``@NAME`` or ``@CALL`` of an object; a bare word is taken as text.
    """
    name, equals, value = text.partition("=")
    if not equals:
        name, value = "", text
    elif not all(part.isidentifier() for part in name.split(".")):
        raise UsageError(f"--arg {text}: expected NAME=VALUE", "for example: --arg num_classes=10")
    if len(value) > _LONGEST_LITERAL or _depth(value) > _DEEPEST_LITERAL:
        raise UsageError(f"--arg {name}=...: a value of {len(value):,} characters, or nested too deep, is not read")
    if value[:1] == "@":
        return name, Reference(value[1:])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what Python thinks of the style of a literal
            return name, ast.literal_eval(value)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        if value[:1] in "([{'\"-0123456789":
            raise UsageError(f"--arg {text}: {value!r} is not a Python literal") from None
        return name, value


def _depth(text: str) -> int:
    depth = deepest = 0
    for character in text:
        depth += (character in "([{-+~") - (character in ")]}")
        deepest = max(deepest, depth)
    return deepest


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
        raise UsageError(
            f"--device {text}: not a device", f"known: {', '.join(DEVICES).replace('cuda', 'cuda, cuda:N')}"
        )
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
    numbers = _counts(index.split(","), f"--unit {text}")
    if not colon or numbers is None:
        raise UsageError(f"--unit {text}: expected LAYER:I,J", "for example: --unit layer1.0:3,4")
    return UnitSpec(path, numbers)


def parse_axes(text: str) -> AxesSpec:
    """Read ``[INPUT=][LABEL,LABEL:]AXIS,AXIS``: axes count from 0, the batch included."""
    name, equals, rest = text.rpartition("=")
    words, colon, numbers = rest.rpartition(":")
    axes = _counts(numbers.split(","), f"--axes {text}")
    labels = tuple(word.strip() for word in words.split(",")) if colon else None
    fits = axes is not None and len(set(axes)) == len(axes) and (name.strip() or not equals)
    if not fits or axes is None or (labels and not (len(labels) == len(axes) and all(map(_NAME.fullmatch, labels)))):
        raise UsageError(f"--axes {text}: expected [INPUT=][LABEL,LABEL:]AXIS,AXIS", "for example: --axes x=h,w:2,3")
    return AxesSpec(name.strip() or None, axes, labels)


def parse_dtype(text: str, place: str) -> str:
    """Return torch's name of the dtype ``text``; raises `UsageError` for one that is not known."""
    dtype = _dtype(text)
    if dtype not in _DTYPES:
        raise UsageError(f"{place}: unknown dtype {text!r}", f"known: {', '.join(_DTYPES)}")
    return dtype


def parse_float_dtype(text: str, place: str) -> str:
    """Return the name of the floating dtype ``text``: a model cannot be cast to another."""
    dtype = _dtype(text)
    if dtype not in _FLOATS:
        raise UsageError(f"{place}: {text} is not a floating dtype", f"known: {', '.join(_FLOATS)}")
    return dtype


def _dtype(text: str) -> str:
    name = text.removeprefix("torch.")
    return _DTYPE_SHORT.get(name, name)


def _shape(sizes: str, text: str, *, bare: bool) -> tuple[int, ...]:
    """Read ``3,224,224``, ``3x224x224``, ``3 224 224``, and what Python prints of a shape: ``(3, 224, 224)``."""
    if not sizes and not bare:
        return ()
    inner = sizes[1:-1].strip() if (sizes[:1], sizes[-1:]) in (("(", ")"), ("[", "]")) else sizes
    parts = re.split(r"\s*[,x\u00d7]\s*|\s+", inner)
    if parts[-1] == "" and len(parts) > 1:  # "128," as Python writes a tuple of one
        parts.pop()
    shape = _counts(parts, f"--input {text}")
    if shape is None:
        raise UsageError(f"--input {text}: {sizes!r} is not a shape", _EXAMPLE)
    return shape


def _counts(parts: Sequence[str], place: str) -> tuple[int, ...] | None:
    """Return numbers in digits that Python and torch agree on, ``None`` where one is none.

    They fit in 64 bits; of thousands of digits Python would not even make one.
    """
    digits = [part.strip() for part in parts]
    if not all(part.isascii() and part.isdigit() for part in digits):
        return None
    for part in digits:
        if len(part.lstrip("0")) > len(str(_LARGEST)) or int(part) > _LARGEST:
            raise UsageError(f"{place}: a number of {len(part)} digits is larger than any tensor", _EXAMPLE)
    return tuple(map(int, digits))


def _high(value: str, dtype: str | None, text: str) -> int:
    if dtype is None or "int" not in dtype:
        raise UsageError(f"--input {text}: only integers have a highest value, not {dtype}", _EXAMPLE)
    found = _counts([value], f"--input {text}")
    if not found or found[0] < 1:
        raise UsageError(f"--input {text}: {value!r} is not a positive count of values", _EXAMPLE)
    return found[0]
