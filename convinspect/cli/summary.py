"""``convinspect summary``: argv to a request, and the report to where it was asked for."""

from __future__ import annotations

import ast
import os
import shutil
from typing import TYPE_CHECKING, Any, TextIO

import click
from click.core import ParameterSource

from convinspect.cli.streams import claim_stdout, write_atomically
from convinspect.errors import ModelError, UsageError
from convinspect.spec import AmpName, Request, parse_float_dtype, parse_input, parse_target, parse_unit

if TYPE_CHECKING:
    from convinspect.report import Report

# What is piped must not change with the window that happens to be open.
_PIPED_WIDTH = 160

# What torch's refusals of a tensor without values have in common.
_VALUES = ("meta", "item()", "tensor subclasses", "FakeTensor", "data-dependent", "data dependent")

_AMP: dict[str | None, AmpName] = {"bf16": "bfloat16", "fp16": "float16"}


@click.command(no_args_is_help=True)
@click.argument("target")
@click.option(
    "--input", "-i", "inputs", multiple=True, metavar="SPEC", help="[NAME=]3,224,224[:DTYPE[:HIGH]]; repeatable."
)
@click.option("--arg", "arguments", multiple=True, metavar="NAME=VALUE", help="A constructor argument; repeatable.")
@click.option(
    "--batch-size", type=click.IntRange(min=1), default=1, show_default=True, help="Put in front of each input."
)
@click.option("--no-batch", is_flag=True, help="The inputs' shapes are given whole.")
@click.option("--device", default="auto", show_default=True, metavar="NAME", help="auto, cpu, cuda[:N] or meta.")
@click.option("--dtype", metavar="NAME", help="Cast the model and its floating inputs: float16, bfloat16, ...")
@click.option("--train", is_flag=True, help="Run in training mode.")
@click.option(
    "--optimizer",
    type=click.Choice(["sgd", "momentum", "adam", "adamw", "none"]),
    default="adamw",
    show_default=True,
    help="Whose training step is estimated; none: no estimate.",
)
@click.option("--amp", type=click.Choice(["bf16", "fp16"]), help="Train under autocast in this dtype.")
@click.option("--field-of", metavar="NAME", help="The input whose receptive fields are followed.")
@click.option("--unit", metavar="LAYER:I,J", help="Say which box of the input one unit of a layer sees.")
@click.option("--allow-unsafe", is_flag=True, help="Run a TorchScript file that touches files or leaves torch.")
@click.option("--depth", type=click.IntRange(min=0), help="Fold what lies deeper than this many modules.")
@click.option(
    "--columns", metavar="NAMES", help="Columns of the table, comma-separated; default,jump adds to the usual."
)
@click.option("--format", "form", type=click.Choice(["table", "json"]), help="How to print it; by default a table.")
@click.option("--json", "as_json", is_flag=True, help="Short for --format json.")
@click.option("--output", "-o", metavar="FILE", help="Write the report there instead of printing it.")
@click.option("--second-opinion", is_flag=True, help="Say where torchsummary agrees and where not, on stderr.")
@click.option("--traceback", is_flag=True, help="Show Python's traceback of a failure.")
def summary(**options: Any) -> int:
    """Show TARGET's layers: output shape, parameters, MACs, memory and receptive field.

    TARGET is model.py, model.py:Net, model.py:factory or package.module:attribute; a TorchScript file, an exported
    program (.pt2), a file of weights, or a saved report.

    \b
    Example:
      convinspect summary model.py --input 3,224,224 --depth 2
    """
    request = _request(options)
    form = _format(options)
    out = claim_stdout()
    from convinspect.fold import at_depth  # noqa: PLC0415 - a usage error must not wait for it
    from convinspect.pipeline import summarise  # noqa: PLC0415

    report = summarise(request)
    _say_notes(report)
    shown = report if options["depth"] is None else at_depth(report, options["depth"])
    _write(shown, form, options, out)
    _fail_with_the_forward(report)
    if options["second_opinion"]:
        _say_second_opinion(request, report)
    return 0


def _request(options: dict[str, Any]) -> Request:
    batch = options["batch_size"]
    return Request(
        target=parse_target(options["target"]),
        inputs=tuple(map(parse_input, options["inputs"])),
        arguments=tuple(map(_argument, options["arguments"])),
        batch_size=None if options["no_batch"] else batch,
        device=options["device"],
        dtype=parse_float_dtype(options["dtype"], "--dtype") if options["dtype"] else None,
        train=options["train"],
        field_of=options["field_of"],
        unit=parse_unit(options["unit"]) if options["unit"] else None,
        allow_unsafe=options["allow_unsafe"],
        optimizer=None if options["optimizer"] == "none" else options["optimizer"],
        amp=_AMP.get(options["amp"]),
        given=_given(click.get_current_context()),
    )


def _given(context: click.Context) -> tuple[str, ...]:
    """Return the options that stand on the command line, by their long names."""
    sources = (
        (max(option.opts, key=len), context.get_parameter_source(option.name or ""))
        for option in context.command.params
    )
    return tuple(name for name, source in sources if source is ParameterSource.COMMANDLINE)


def _argument(text: str) -> tuple[str, Any]:
    """Read ``NAME=VALUE``: the value is a Python literal; a bare word is taken as text."""
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise UsageError(f"--arg {text}: expected NAME=VALUE", "for example: --arg num_classes=10")
    try:
        return name, ast.literal_eval(value)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        if value[:1] in "([{'\"-0123456789":
            raise UsageError(f"--arg {text}: {value!r} is not a Python literal") from None
        return name, value


def _format(options: dict[str, Any]) -> str:
    form: str | None = options["form"]
    if options["as_json"]:
        if form not in (None, "json"):
            raise UsageError(f"--json and --format {form} contradict each other")
        return "json"
    return form or ("json" if str(options["output"]).endswith(".json") else "table")


def _write(report: Report, form: str, options: dict[str, Any], out: TextIO) -> None:
    from convinspect.render import Options, render  # noqa: PLC0415

    terminal = out.isatty() and options["output"] is None
    width = shutil.get_terminal_size((_PIPED_WIDTH, 24)).columns if terminal else _PIPED_WIDTH
    color = terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    columns = tuple(name.strip() for name in (options["columns"] or "").split(",") if name.strip())
    to_ascii = options["output"] is None and not _can_draw(out.encoding)
    text = render(report, form, Options(width=width, color=color, columns=columns, ascii=to_ascii))
    if options["output"] is not None:
        write_atomically(options["output"], f"{text}\n")
        return
    try:
        out.write(f"{text}\n")
        out.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise UsageError(f"the report cannot be written: {error.strerror}") from error


def _can_draw(encoding: str | None) -> bool:
    try:
        "\u251c\u2500\u2265\u2026".encode(encoding or "ascii")  # a tree guide, a line, "at least", an ellipsis
    except UnicodeEncodeError:
        return False
    return True


def _say_notes(report: Report) -> None:
    for note in report.warnings:
        if note.code == "chosen":
            click.echo(f"note: {note.message}", err=True)


def _say_second_opinion(request: Request, report: Report) -> None:
    from convinspect.pipeline import second_opinion  # noqa: PLC0415

    for line in second_opinion(request, report):
        click.echo(line, err=True)


def _fail_with_the_forward(report: Report) -> None:
    for note in report.warnings:
        if note.code == "forward_failed":
            on_values = report.run.device == "meta" and any(word in note.message for word in _VALUES)
            raise ModelError(
                note.message, "what depends on values cannot run on meta: try --device cpu" if on_values else None
            )
