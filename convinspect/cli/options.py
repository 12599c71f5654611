"""Options that several commands share: what is run and how it is printed; and the request that they make."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from convinspect import run_options as asked
from convinspect.cli.completion import complete_devices, complete_file, complete_target
from convinspect.errors import UsageError
from convinspect.parsing import parse_argument
from convinspect.run_options import OPTIONS, RunOption
from convinspect.spec import Request

F = TypeVar("F", bound=Callable[..., Any])

_NONE: Mapping[str, str] = MappingProxyType({})
_COMPLETIONS = {"data": complete_file, "input-from": complete_target, "device": complete_devices}

traceback_option = click.option(
    "--traceback", is_flag=True, help="Show Python's traceback of a failure, the frames of your code first."
)
open_option = click.option("--open", "open_", is_flag=True, help="With --format html: show the page in the browser.")


def together(*options: Callable[[F], F]) -> Callable[[F], F]:
    """Return a decorator that gives a command all of ``options``, in this order."""

    def add(command: F) -> F:
        for option in reversed(options):
            command = option(command)
        return command

    return add


# How models are gathered.
gathering_options = together(
    click.option("--no-cache", is_flag=True, help="Run models that have not changed again."),
    click.option("--timeout", type=click.FloatRange(min=0, min_open=True), metavar="SECONDS", help="For each model."),
)


def _declared(option: RunOption) -> Callable[[F], F]:
    types = {"count": click.IntRange(1, option.most) if option.most else None, "choice": click.Choice(option.choices)}
    return click.option(
        f"--{option.name}",
        *(["-i"] if option.name == "input" else []),
        type=types.get(option.kind),
        is_flag=option.kind == "flag",
        multiple=option.kind == "texts",
        metavar=option.metavar,
        default=option.default,
        show_default=option.default is not None,
        help=option.help,
        shell_complete=_COMPLETIONS.get(option.name),
    )


run_options = together(*map(_declared, OPTIONS))


def request_of(target: str, options: dict[str, Any]) -> Request:
    """Return what `run_options` ask for; raises `UsageError` for what does not fit, before anything is loaded."""
    said = {name.replace("_", "-"): value for name, value in options.items()}
    return asked.request_of(
        target, said, tuple(map(parse_argument, options["arg"])), given=_given(click.get_current_context())
    )


def form_options(forms: Sequence[str], usual: str, what: str = "it") -> Callable[[F], F]:
    """Return a decorator that adds ``--format`` of ``forms``, ``--json`` and ``--output``.

    ``usual`` says in the help what is printed without them, ``what`` is printed.
    """
    return together(
        click.option("--format", "form", type=click.Choice(forms), help=f"How to print it; by default {usual}."),
        click.option("--json", "as_json", is_flag=True, help="Short for --format json."),
        click.option(
            *("--output", "-o"),
            metavar="FILE",
            shell_complete=complete_file,
            help=f"Write {what} there instead of printing it; - prints it.",
        ),
    )


def form_of(options: Mapping[str, Any], usual: str, forms: Mapping[str, str] = _NONE) -> str:
    """Return the format that was asked for; by the suffix of the output file where ``forms`` has it, else ``usual``."""
    form: str | None = options["form"]
    if options["as_json"]:
        if form not in (None, "json"):
            raise UsageError(f"--json and --format {form} contradict each other")
        return "json"
    suffix = Path(options["output"] or "").suffix
    return form or next((one for one, its in forms.items() if its and its == suffix), usual)


def _given(context: click.Context) -> tuple[str, ...]:
    """Return the options that stand on the command line, by their long names."""
    sources = (
        (max(option.opts, key=len), context.get_parameter_source(option.name or ""))
        for option in context.command.params
    )
    return tuple(name for name, source in sources if source is ParameterSource.COMMANDLINE)
