"""The options of a run, an entry each: what the command line, a config and the kinds of targets know of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, get_args

from convinspect.errors import UsageError
from convinspect.parsing import (
    is_place,
    parse_amp,
    parse_argv,
    parse_axes,
    parse_device,
    parse_float_dtype,
    parse_function,
    parse_input,
    parse_literal,
    parse_optimizer,
    parse_target,
    parse_unit,
)
from convinspect.spec import InputSpec, OptimizerName, Request

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RunOption:
    """``--name`` on the command line; ``key`` in a config, ``""`` where that has none.

    A ``count`` goes from 1 to ``most``. What ``builds`` says how a Python model is made, and nothing of its run.
    ``read`` makes the value of the same name in `Request`; without it several options make one, as `request_of` says.
    """

    name: str
    kind: Literal["flag", "count", "text", "texts", "choice"]
    help: str
    metavar: str | None = None
    choices: tuple[str, ...] = ()
    default: str | None = None
    most: int = 0
    key: str | None = None
    builds: bool = False
    read: Callable[[Any], Any] | None = None

    @property
    def in_config(self) -> str:
        """The key in a config."""
        return self.name if self.key is None else self.key


OPTIONS = (
    RunOption(
        *("input", "texts", "[NAME=]3,224,224[:DTYPE[:HIGH]]; NAME.0=, NAME.key= inside one; repeatable.", "SPEC"),
        key="inputs",
    ),
    RunOption("call", "texts", "An argument of forward that is no tensor.", "NAME=VALUE", key=""),
    RunOption(
        *("data", "texts", "Real inputs: .npy, .npz, .pt, .safetensors, an image; repeatable.", "[NAME=]FILE"), key=""
    ),
    RunOption(
        "input-from", "text", "A function of yours that returns (args, kwargs).", "MODULE:FUNCTION", read=parse_function
    ),
    RunOption("arg", "texts", "A constructor argument; repeatable.", "NAME=VALUE", key="", builds=True),
    RunOption(
        *("argv", "text", "The command line that TARGET's code reads: '--width 32'.", "WORDS"),
        builds=True,
        read=parse_argv,
    ),
    RunOption(
        *("past", "count", "Decode after N tokens that a cache holds; no training is estimated.", "N"),
        most=2**31,
        read=int,
    ),
    RunOption("no-weights", "flag", "Build without downloading or loading weights.", builds=True),
    RunOption(
        *("definitions", "flag", "Leave out what TARGET's file does beside defining its classes."),
        builds=True,
        read=bool,
    ),
    RunOption("batch-size", "count", "Put in front of each input; 1 if not said.", "N", most=2**63 - 1),
    RunOption("no-batch", "flag", "The inputs' shapes are given whole."),
    RunOption("device", "text", "auto, cpu, cuda[:N] or meta.", "NAME", default="auto", read=parse_device),
    RunOption("no-fallback", "flag", "Fail where --device meta lacks a value, rather than run on the cpu.", key=""),
    RunOption("dtype", "text", "Cast the model and its floating inputs: float16, bfloat16, ...", "NAME"),
    RunOption("train", "flag", "Run in training mode.", read=bool),
    RunOption(
        *("optimizer", "choice", "Whose training step is estimated; none: no estimate."),
        choices=(*get_args(OptimizerName), "none"),
        default="adamw",
    ),
    RunOption("amp", "choice", "Train under autocast in this dtype.", choices=("bf16", "fp16"), read=parse_amp),
    RunOption("field-of", "text", "The input whose receptive fields are followed.", "NAME", read=str),
    RunOption(
        *("axes", "text", "Which axes of it are positions: x=1, x=h,w:2,3; batch included.", "[INPUT=]AXES"),
        read=parse_axes,
    ),
    RunOption("allow-unsafe", "flag", "Run a TorchScript file that touches files or leaves torch.", read=bool),
)


def request_of(
    target: str,
    said: Mapping[str, Any],
    arguments: tuple[tuple[str, Any], ...] = (),
    place: Callable[[str], str] | None = None,
    given: tuple[str, ...] = (),
) -> Request:
    """Return what options ask for that are ``said`` by their names; ``given`` are those of the command line.

    ``place`` says where else a name stands, in a config. Raises `UsageError` for what does not fit, before anything is
    loaded.
    """

    def read(name: str, parse: Callable[[str], T], value: str) -> T:
        try:
            return parse(value)
        except UsageError as error:
            raise error if place is None else error.within(place(name)) from None

    whole, dtype = said.get("no-batch"), said.get("dtype")
    if whole and said.get("batch-size") is not None:
        if place is not None:
            raise UsageError(f"{place('no-batch')}: contradicts batch-size")
        raise UsageError(
            "--no-batch and --batch-size contradict each other", "with --no-batch the shapes hold the batch"
        )
    alone = [(one.name, one.read) for one in OPTIONS if one.read is not None and said.get(one.name)]
    return Request(
        target=read("target", parse_target, target),
        inputs=(
            *(read("input", parse_input, text) for text in said.get("input", ())),
            *map(_call, said.get("call", ())),
            *map(_data, said.get("data", ())),
        ),
        arguments=arguments,
        batch_size=None if whole else said.get("batch-size") or 1,
        dtype=parse_float_dtype(dtype, "--dtype" if place is None else place("dtype")) if dtype else None,
        unit=parse_unit(said["unit"]) if said.get("unit") else None,
        optimizer=None if said.get("past") else parse_optimizer(said.get("optimizer") or "adamw"),
        weights=not said.get("no-weights"),
        fallback=not said.get("no-fallback"),
        given=given,
        **{name.replace("-", "_"): read(name, parse, said[name]) for name, parse in alone},
    )


def _call(text: str) -> InputSpec:
    name, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"--call {text}: expected NAME=VALUE", "for example: --call use_cache=False")
    return parse_literal(name, value, f"--call {text}")


def _data(text: str) -> InputSpec:
    name, equals, path = text.partition("=")
    named = bool(equals) and is_place(name)
    return InputSpec((), name if named else None, file=path if named else text)
