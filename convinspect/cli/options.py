"""Options that several commands share, and the request that they make."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from convinspect.cli.completion import complete_devices, complete_file, complete_target
from convinspect.errors import UsageError
from convinspect.spec import (
    InputSpec,
    Reference,
    Request,
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

F = TypeVar("F", bound=Callable[..., Any])

# Python's parser takes the interpreter with it where a literal is nested some thousand levels deep.
_LONGEST_LITERAL = 10_000
_DEEPEST_LITERAL = 50


def run_options(command: F) -> F:
    """Give ``command`` the options that say what is built, what it is fed and how it runs."""
    options = (
        click.option(
            "--input",
            "-i",
            "inputs",
            multiple=True,
            metavar="SPEC",
            help="[NAME=]3,224,224[:DTYPE[:HIGH]]; NAME.0=, NAME.key= inside one; repeatable.",
        ),
        click.option(
            "--call", "calls", multiple=True, metavar="NAME=VALUE", help="An argument of forward that is no tensor."
        ),
        click.option(
            "--data",
            "data",
            multiple=True,
            metavar="[NAME=]FILE",
            shell_complete=complete_file,
            help="Real inputs: .npy, .npz, .pt, .safetensors, an image; repeatable.",
        ),
        click.option(
            "--input-from",
            metavar="MODULE:FUNCTION",
            shell_complete=complete_target,
            help="A function of yours that returns (args, kwargs).",
        ),
        click.option(
            "--arg", "arguments", multiple=True, metavar="NAME=VALUE", help="A constructor argument; repeatable."
        ),
        click.option("--argv", metavar="WORDS", help="The command line that TARGET's code reads: '--width 32'."),
        click.option(
            "--past",
            type=click.IntRange(1, 2**31),
            metavar="N",
            help="Decode after N tokens that a cache holds; no training is estimated.",
        ),
        click.option("--no-weights", is_flag=True, help="Build without downloading or loading weights."),
        click.option(
            "--batch-size",
            type=click.IntRange(1, 2**63 - 1),
            metavar="N",
            help="Put in front of each input; 1 if not said.",
        ),
        click.option("--no-batch", is_flag=True, help="The inputs' shapes are given whole."),
        click.option(
            "--device",
            default="auto",
            show_default=True,
            metavar="NAME",
            shell_complete=complete_devices,
            help="auto, cpu, cuda[:N] or meta.",
        ),
        click.option(
            "--no-fallback", is_flag=True, help="Fail where --device meta lacks a value, rather than run on the cpu."
        ),
        click.option("--dtype", metavar="NAME", help="Cast the model and its floating inputs: float16, bfloat16, ..."),
        click.option("--train", is_flag=True, help="Run in training mode."),
        click.option(
            "--optimizer",
            type=click.Choice(["sgd", "momentum", "adam", "adamw", "none"]),
            default="adamw",
            show_default=True,
            help="Whose training step is estimated; none: no estimate.",
        ),
        click.option("--amp", type=click.Choice(["bf16", "fp16"]), help="Train under autocast in this dtype."),
        click.option("--field-of", metavar="NAME", help="The input whose receptive fields are followed."),
        click.option(
            "--axes", metavar="[INPUT=]AXES", help="Which axes of it are positions: x=1, x=h,w:2,3; batch included."
        ),
        click.option("--allow-unsafe", is_flag=True, help="Run a TorchScript file that touches files or leaves torch."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def request_of(target: str, options: dict[str, Any]) -> Request:
    """Return what `run_options` ask for; raises `UsageError` for what does not fit, before anything is loaded."""
    if options["no_batch"] and options["batch_size"] is not None:
        raise UsageError(
            "--no-batch and --batch-size contradict each other", "with --no-batch the shapes hold the batch"
        )
    return Request(
        target=parse_target(target),
        inputs=(
            *map(parse_input, options["inputs"]),
            *map(_call, options["calls"]),
            *map(_data, options["data"]),
        ),
        input_from=parse_function(options["input_from"]) if options["input_from"] else None,
        arguments=tuple(map(parse_argument, options["arguments"])),
        batch_size=None if options["no_batch"] else options["batch_size"] or 1,
        device=parse_device(options["device"]),
        dtype=parse_float_dtype(options["dtype"], "--dtype") if options["dtype"] else None,
        train=options["train"],
        field_of=options["field_of"],
        axes=parse_axes(options["axes"]) if options["axes"] else None,
        unit=parse_unit(options["unit"]) if options.get("unit") else None,
        allow_unsafe=options["allow_unsafe"],
        past=options["past"] or 0,
        argv=parse_argv(options["argv"] or ""),
        optimizer=None if options["past"] else parse_optimizer(options["optimizer"]),
        amp=parse_amp(options["amp"]),
        weights=not options["no_weights"],
        fallback=not options["no_fallback"],
        given=_given(click.get_current_context()),
    )


def _given(context: click.Context) -> tuple[str, ...]:
    """Return the options that stand on the command line, by their long names."""
    sources = (
        (max(option.opts, key=len), context.get_parameter_source(option.name or ""))
        for option in context.command.params
    )
    return tuple(name for name, source in sources if source is ParameterSource.COMMANDLINE)


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


def _call(text: str) -> InputSpec:
    name, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"--call {text}: expected NAME=VALUE", "for example: --call use_cache=False")
    return parse_literal(name, value, f"--call {text}")


def _data(text: str) -> InputSpec:
    name, equals, path = text.partition("=")
    named = bool(equals) and is_place(name)
    return InputSpec((), name if named else None, file=path if named else text)


def _depth(text: str) -> int:
    depth = deepest = 0
    for character in text:
        depth += (character in "([{-+~") - (character in ")]}")
        deepest = max(deepest, depth)
    return deepest
