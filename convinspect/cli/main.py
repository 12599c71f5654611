"""The program: its commands, its exit codes, and what goes to stderr when something is wrong."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence

import click

from convinspect import __version__
from convinspect.cli.summary import summary
from convinspect.errors import InspectError

_BUG = 70
_INTERRUPTED = 130


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="convinspect", message="%(prog)s %(version)s")
def convinspect() -> None:
    """What a PyTorch network is, layer by layer: shapes, parameters, MACs, memory and receptive fields.

    \b
    Example:
      convinspect summary model.py --input 1,28,28
    """


convinspect.add_command(summary)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 fine, 2 usage, 3 the user's model failed, 70 our bug, 130 interrupted."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    sys.exit(_run(arguments))


def _run(arguments: list[str]) -> int:
    try:
        result = convinspect.main(arguments, prog_name="convinspect", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return error.exit_code
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        command = context.command_path if context is not None else "convinspect"
        _complain(error.format_message(), f"{command} --help shows an example")
        return error.exit_code
    except InspectError as error:
        _trace_if_asked(arguments)
        _complain(error.message, error.hint)
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        _complain("interrupted", None)
        return _INTERRUPTED
    except BrokenPipeError:
        # The reader (head, less) has seen enough; the interpreter must not complain about it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.__stdout__.fileno() if sys.__stdout__ else 1)
        return 0
    except Exception as error:  # noqa: BLE001 - the last line: a bug of ours must not look like a verdict
        _trace_if_asked(arguments)
        _complain(f"a bug in convinspect: {type(error).__name__}: {error}", "--traceback shows where it happened")
        return _BUG
    return result if isinstance(result, int) else 0


def _complain(message: str, hint: str | None) -> None:
    click.echo(f"error: {message}", err=True)
    if hint:
        click.echo(f"hint: {hint}", err=True)


def _trace_if_asked(arguments: list[str]) -> None:
    if "--traceback" in arguments:
        traceback.print_exc()
