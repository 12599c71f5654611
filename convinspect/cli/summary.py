"""``convinspect summary``: argv to a request, and the report to where it was asked for."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TextIO

import click

from convinspect.cli.asking import reported, told
from convinspect.cli.complaints import height_of
from convinspect.cli.completion import complete_target
from convinspect.cli.hints import failure_of
from convinspect.cli.html_page import read_picture, show, shown
from convinspect.cli.options import form_of, form_options, open_option, request_of, run_options, traceback_option
from convinspect.cli.output import Output, open_output
from convinspect.cli.page_options import COLUMN_HELP, page_of, page_options
from convinspect.cli.screen import fitted
from convinspect.cli.streams import report_stream, say
from convinspect.cli.watch import refuse_to_watch, watch
from convinspect.errors import UsageError
from convinspect.render import FORMATS, Options, render
from convinspect.render.columns import chosen
from convinspect.spec import SECTIONS, Section, parse_sections

if TYPE_CHECKING:
    from convinspect.report import Report
    from convinspect.spec import Request

# What forms a text; the page of pictures has its own ways.
_OF_TEXT = ("--depth", "--expand", "--only", "--sort", "--top", "--brief", "--verbose", "--width", "--columns")


@click.command(epilog=COLUMN_HELP)
@click.argument("target", shell_complete=complete_target)
@run_options
@click.option("--unit", metavar="LAYER:I,J", help="Say which box of the input one unit of a layer sees.")
@page_options
@form_options(tuple(FORMATS), "as --output is called, else a table", "the report")
@click.option("--picture", metavar="FILE", help="With --format html: an image to draw receptive fields on.")
@open_option
@click.option("--json-sections", metavar="NAMES", help=f"With --json also, comma-separated: {', '.join(SECTIONS)}.")
@click.option(
    "--partial", is_flag=True, help="Write --output also where the forward failed, with the rows up to there."
)
@click.option("--second-opinion", is_flag=True, help="Say where torchsummary agrees and where not, on stderr.")
@click.option("--watch", "watched", is_flag=True, help="Show the page again on every save, until Ctrl-C.")
@traceback_option
def summary(target: str, **options: Any) -> int:
    """Show TARGET's layers: output shape, parameters, MACs, memory and receptive field.

    TARGET is model.py, model.py:Net, model.py:factory or package.module:attribute; a TorchScript file, an exported
    program (.pt2), a config.json of transformers, a file of weights, or a saved report.

    \b
    Example:
      convinspect summary model.py --input 3,224,224 --depth 2
    """
    form = form_of(options, "table", {suffix: form for form, suffix in FORMATS.items() if suffix})
    layout = replace(page_of(options), picture=_picture(form, options))
    request = request_of(target, options)
    request = replace(request, sections=_sections(form, options), fields=_shows_fields(form, layout, request))
    _refuse_idle(form, request.given)
    if options["watched"]:
        refuse_to_watch(options)
    from convinspect.load import kind_of  # noqa: PLC0415 - --help must not wait for it

    kind_of(request.target.source)  # a file that is not there is told before torch is imported
    if options["watched"]:
        return watch(request, layout)
    read = [request.target.source, *([options["picture"]] if options["picture"] else [])]
    output = open_output(options["output"], read)
    if options["open_"]:
        output = shown(output)
    with report_stream() as stdout, closing(output):
        return _run(request, form, layout, output, stdout, options)


def _run(
    request: Request,
    form: str,
    layout: Options,
    output: Output,
    stdout: TextIO | None,
    options: dict[str, Any],
) -> int:
    request, report = reported(request)
    notes = told(report)
    failed = failure_of(report, request)
    if failed is None or output.is_stdout or options["partial"]:
        printed_to = output.printed_to(stdout)
        width = fitted(layout, printed_to).width
        taken = len(notes) + (height_of(failed.message, failed.hint, width) if failed is not None else 0)
        # What stands on stderr is not said twice.
        page = replace(fitted(layout, printed_to, taken=taken), told=output.is_stdout)
        output.write(stdout, render(report, form, page))
    else:
        say(f"note: {output.text} is not written, for the forward failed; --partial writes the rows up to there")
    if failed is not None:
        raise failed
    if options["open_"]:
        show(output)
    if options["second_opinion"]:
        _say_second_opinion(request, report)
    return 0


def _picture(form: str, options: dict[str, Any]) -> bytes | None:
    for name in ("picture", "open_"):
        if options[name] and form != "html":
            raise UsageError(f"--{name.rstrip('_')} is for the HTML page", "add --format html")
    return read_picture(options["picture"])


def _refuse_idle(form: str, given: tuple[str, ...]) -> None:
    idle = [name for name in given if name in _OF_TEXT]
    if form == "html" and idle:
        raise UsageError(f"{idle[0]} has no say in the HTML page", "it folds, sorts and searches by itself")


def _sections(form: str, options: dict[str, Any]) -> tuple[Section, ...]:
    said: str | None = options["json_sections"]
    if said is None:
        return SECTIONS if form == "html" else ()
    if form != "json":
        raise UsageError("--json-sections are parts of the JSON report", "add --json")
    return parse_sections([name.strip() for name in said.split(",")])


def _shows_fields(form: str, layout: Options, request: Request) -> bool:
    """Tell whether receptive fields are looked at: a table says nothing of them but in its columns, and with -v."""
    if form != "table" or request.field_of or request.axes or request.unit:
        return True
    shown = layout.verbose or any(column.topic == "field" for column in chosen(layout.columns))
    return shown and not layout.brief


def _say_second_opinion(request: Request, report: Report) -> None:
    from convinspect.pipeline import second_opinion  # noqa: PLC0415

    for line in second_opinion(request, report):
        say(line)
