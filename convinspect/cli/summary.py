"""``convinspect summary``: argv to a request, and the report to where it was asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TextIO

import click

from convinspect.cli.asking import reported
from convinspect.cli.completion import complete_target
from convinspect.cli.hints import hint_for
from convinspect.cli.options import request_of, run_options
from convinspect.cli.output import Output, open_output
from convinspect.cli.page_options import COLUMN_HELP, page_of, page_options
from convinspect.cli.screen import can_draw, has_color, height_of, width_of
from convinspect.cli.streams import report_stream, say
from convinspect.errors import ModelError, UsageError
from convinspect.records import TAKEN
from convinspect.render import FORMATS, Options, render

if TYPE_CHECKING:
    from convinspect.report import Report
    from convinspect.spec import Request


@click.command(epilog=COLUMN_HELP)
@click.argument("target", shell_complete=complete_target)
@run_options
@click.option("--unit", metavar="LAYER:I,J", help="Say which box of the input one unit of a layer sees.")
@page_options
@click.option("--format", "form", type=click.Choice(FORMATS), help="How to print it; by default a table.")
@click.option("--json", "as_json", is_flag=True, help="Short for --format json.")
@click.option("--output", "-o", metavar="FILE", help="Write the report there instead of printing it; - prints it.")
@click.option(
    "--partial", is_flag=True, help="Write --output also where the forward failed, with the rows up to there."
)
@click.option("--second-opinion", is_flag=True, help="Say where torchsummary agrees and where not, on stderr.")
@click.option("--traceback", is_flag=True, help="Show Python's traceback of a failure, the frames of your code first.")
def summary(target: str, **options: Any) -> int:
    """Show TARGET's layers: output shape, parameters, MACs, memory and receptive field.

    TARGET is model.py, model.py:Net, model.py:factory or package.module:attribute; a TorchScript file, an exported
    program (.pt2), a config.json of transformers, a file of weights, or a saved report.

    \b
    Example:
      convinspect summary model.py --input 3,224,224 --depth 2
    """
    request = request_of(target, options)
    form, layout = _format(options), page_of(options)
    from convinspect.load import kind_of  # noqa: PLC0415 - --help must not wait for it

    kind_of(request.target.source)  # a file that is not there is told before torch is imported
    output = open_output(options["output"], [request.target.source])
    with report_stream() as stdout:
        try:
            return _run(request, form, layout, output, stdout, options)
        finally:
            output.close()


def _run(
    request: Request,
    form: str,
    layout: Options,
    output: Output,
    stdout: TextIO | None,
    options: dict[str, Any],
) -> int:
    request, report = reported(request)
    _say_notes(report)
    failed = failure_of(report, request)
    if failed is None or output.is_stdout or options["partial"]:
        output.write(stdout, _text(report, form, layout, output, stdout))
    else:
        say(f"note: {output.text} is not written, for the forward failed; --partial writes the rows up to there")
    if failed is not None:
        raise failed
    if options["second_opinion"]:
        _say_second_opinion(request, report)
    return 0


def _format(options: dict[str, Any]) -> str:
    form: str | None = options["form"]
    if options["as_json"]:
        if form not in (None, "json"):
            raise UsageError(f"--json and --format {form} contradict each other")
        return "json"
    return form or ("json" if str(options["output"]).endswith(".json") else "table")


def _text(report: Report, form: str, layout: Options, output: Output, stdout: TextIO | None) -> str:
    terminal = output.is_stdout and stdout is not None and stdout.isatty()
    to_ascii = output.is_stdout and stdout is not None and not can_draw(stdout.encoding)
    fitted = replace(
        layout,
        width=layout.width or width_of(terminal=terminal),
        # One line is the prompt's.
        lines=height_of(terminal=terminal) - terminal,
        color=has_color(terminal=terminal),
        ascii=to_ascii,
        # What stands on stderr is not said twice.
        told=output.is_stdout,
    )
    return render(report, form, fitted)


def _say_notes(report: Report) -> None:
    for note in report.warnings:
        if note.code in (*TAKEN, "ran_on_cpu"):
            say(f"note: {note.message}")


def _say_second_opinion(request: Request, report: Report) -> None:
    from convinspect.pipeline import second_opinion  # noqa: PLC0415

    for line in second_opinion(request, report):
        say(line)


def failure_of(report: Report, request: Request) -> ModelError | None:
    """Return the error that a forward which stopped half-way is; ``None`` where it went through."""
    return None if report.stopped is None else ModelError(report.stopped, hint_for(report, request))
