"""The program: its commands, its exit codes, and what goes to stderr when something is wrong."""

from __future__ import annotations

import os
import shlex
from typing import Any

import click

from convinspect.cli.check import check
from convinspect.cli.complaints import complain, tell
from convinspect.cli.diff import diff
from convinspect.cli.explain import explain
from convinspect.cli.plot import plot
from convinspect.cli.streams import complete_descriptors, printed, say, settle
from convinspect.cli.summary import summary
from convinspect.cli.weight_files import weight_files
from convinspect.errors import InspectError, UndecidedError
from convinspect.version import __version__

_COMPLETION = "_CONVINSPECT_COMPLETE"


class _Commands(click.Group):
    """A group that knows what a target looks like where a command was expected."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command; a target in its place gives a hint."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError:
            word = args[0]
            if os.path.exists(word.partition(":")[0]) or "." in word or ":" in word:  # noqa: PTH110 - any text may come
                raise InspectError(
                    f"{word} is not a command", f"did you mean: convinspect summary {' '.join(args)}"
                ) from None
            raise


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="convinspect", message="%(prog)s %(version)s")
def convinspect() -> None:
    """What a PyTorch network is, layer by layer: shapes, parameters, MACs, memory and receptive fields.

    \b
    Example:
      convinspect summary model.py --input 1,28,28
    """


for _command in (summary, check, weight_files, diff, explain, plot):
    convinspect.add_command(_command)


def run(arguments: list[str]) -> int:
    """Run the command line and return its exit code; nothing of it is raised."""
    complete_descriptors()
    try:
        return _run(arguments)
    finally:
        settle()


def _run(arguments: list[str]) -> int:
    try:
        with printed():
            return _invoke(arguments)
    except click.exceptions.NoArgsIsHelpError as error:
        say(error.format_message())
        return error.exit_code
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        command = context.command_path if context is not None else "convinspect"
        complain(error.format_message(), f"{command} --help shows an example")
        return error.exit_code
    except click.Abort:
        raise KeyboardInterrupt from None
    except UndecidedError as error:
        # The whole command, with the first of the models in the place of the file.
        words = [f"{word}:{error.names[0]}" if word == error.source else word for word in arguments]
        error.hint = f"choose one, for example: convinspect {shlex.join(words)}"
        return tell(error, in_full="--traceback" in arguments)
    except Exception as error:  # noqa: BLE001 - the last line: a bug of ours must not look like a verdict
        return tell(error, in_full="--traceback" in arguments)


def _invoke(arguments: list[str]) -> int:
    """Run the command as click would, but for broken pipes: those click answers with an exit code of its own."""
    if _COMPLETION in os.environ:
        convinspect.main(arguments, prog_name="convinspect", complete_var=_COMPLETION)
    try:
        with convinspect.make_context("convinspect", arguments) as context:
            result: Any = convinspect.invoke(context)
    except click.exceptions.Exit as end:
        return end.exit_code
    return result if isinstance(result, int) else 0
