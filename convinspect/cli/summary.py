"""``convinspect summary``: argv to a request, and the report to where it was asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from convinspect.cli.asking import failure_of, reported, told
from convinspect.cli.complaints import height_of
from convinspect.cli.completion import complete_columns, complete_target
from convinspect.cli.html_page import output_of, read_picture, refuse_elsewhere, show
from convinspect.cli.options import (
    form_of,
    form_options,
    open_option,
    request_of,
    run_options,
    together,
    traceback_option,
)
from convinspect.cli.screen import fitted
from convinspect.cli.streams import say
from convinspect.cli.watch import refuse_to_watch, watch
from convinspect.errors import UsageError
from convinspect.parsing import parse_sections
from convinspect.render import FORMATS, Options, render
from convinspect.render.columns import COLUMNS, chosen
from convinspect.render.options import MEASURES, parse_depth
from convinspect.spec import SECTIONS, Section

if TYPE_CHECKING:
    from convinspect.cli.output import Output
    from convinspect.spec import Request

_NARROWEST, _WIDEST = 40, 10_000
_COLUMN_HELP = "\b\nColumns:\n" + "\n".join(
    f"  {column.name:<13} {column.heading + ': ' if column.heading.lower() != column.name else ''}{column.means}"
    for column in COLUMNS.values()
)
# What forms a text; the page of pictures has its own ways.
_text_options = together(
    click.option("--depth", metavar="N|all", help="Show N levels of modules, or every row; else what fits a page."),
    click.option("--expand", is_flag=True, help="Fold no equal layers, and hide no operators."),
    click.option("--only", metavar="PATH", help="Show one module whole: layer3, encoder.layers.0."),
    click.option("--sort", type=click.Choice(MEASURES), help="Show the heaviest rows first, without the tree."),
    click.option("--top", type=click.IntRange(1, 10**9), metavar="N", help="With --sort: how many of them."),
    click.option("--brief", is_flag=True, help="Show the heading alone."),
    click.option("-v", "--verbose", is_flag=True, help="Also say what columns, signs and totals mean."),
    click.option(
        "--width", type=click.IntRange(_NARROWEST, _WIDEST), metavar="N", help="Lines of N cells, not the window's."
    ),
    click.option(
        "--columns",
        metavar="NAMES",
        shell_complete=complete_columns,
        help="Columns, comma-separated: names from below, default, all. default,start adds to the usual.",
    ),
)
_OF_TEXT = ("--depth", "--expand", "--only", "--sort", "--top", "--brief", "--verbose", "--width", "--columns")


@click.command(epilog=_COLUMN_HELP)
@click.argument("target", shell_complete=complete_target)
@run_options
@click.option("--unit", metavar="LAYER:I,J", help="Say which box of the input one unit of a layer sees.")
@_text_options
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
    form = form_of(options, "table", FORMATS)
    layout = _layout(options)
    refuse_elsewhere(options, form)
    layout = replace(layout, picture=read_picture(options["picture"]))
    request = request_of(target, options)
    request = replace(request, sections=_sections(form, options), fields=_shows_fields(form, layout, request))
    if form == "html" and (idle := [name for name in request.given if name in _OF_TEXT]):
        raise UsageError(f"{idle[0]} has no say in the HTML page", "it folds, sorts and searches by itself")
    if options["watched"]:
        refuse_to_watch(options)
    from convinspect.load import kind_of  # noqa: PLC0415 - --help must not wait for it

    kind_of(request.target.source)  # a file that is not there is told before torch is imported
    if options["watched"]:
        return watch(request, layout)
    output = output_of(options, [request.target.source, *([options["picture"]] if options["picture"] else [])])
    with output.claimed():
        return _run(request, form, layout, output, options)


def _run(request: Request, form: str, layout: Options, output: Output, options: dict[str, Any]) -> int:
    request, report = reported(request)
    failed = failure_of(report, request)
    if failed is None or output.is_stdout or options["partial"]:
        page = fitted(layout, output.screen)
        taken = len(told(report)) + (height_of(failed, page.width) if failed is not None else 0)
        # What stands on stderr is not said twice.
        page = replace(fitted(layout, output.screen, taken=taken), told=output.is_stdout)
        output.write(render(report, form, page))
    else:
        say(f"note: {output.text} is not written, for the forward failed; --partial writes the rows up to there")
    if failed is not None:
        raise failed
    if options["open_"]:
        show(output)
    if options["second_opinion"]:
        from convinspect.pipeline import second_opinion  # noqa: PLC0415

        for line in second_opinion(request, report):
            say(line)
    return 0


def _layout(options: dict[str, Any]) -> Options:
    """Return the form that the options of a text ask for; raises `UsageError` before anything is loaded."""
    names = tuple(name.strip() for name in (options["columns"] or "").split(",") if name.strip())
    chosen(names)
    if options["top"] is not None and options["sort"] is None:
        raise UsageError("--top needs to know what is heavy", f"add --sort {'|'.join(MEASURES)}")
    if options["sort"] is not None and (options["depth"] is not None or options["expand"]):
        raise UsageError("--sort shows rows without the tree: --depth and --expand have nothing to fold")
    same = {name: options[name] for name in ("expand", "only", "sort", "top", "brief", "verbose")}
    return Options(width=options["width"] or 0, columns=names, depth=parse_depth(options["depth"]), **same)


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
