"""How a command prints what it has to say, and where to: the same options for all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import click

from convinspect.cli.completion import complete_file
from convinspect.cli.options import together
from convinspect.errors import UsageError

F = TypeVar("F", bound=Callable[..., Any])
_NONE: Mapping[str, str] = MappingProxyType({})


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


def form_of(options: Mapping[str, Any], usual: str, by_suffix: Mapping[str, str] = _NONE) -> str:
    """Return the format that was asked for, by the name of the output file where that tells, else the ``usual`` one."""
    form: str | None = options["form"]
    if options["as_json"]:
        if form not in (None, "json"):
            raise UsageError(f"--json and --format {form} contradict each other")
        return "json"
    return form or by_suffix.get(Path(options["output"] or "").suffix, usual)
