"""Options that choose the form of the page: how deep, which part, which rows and columns."""

from __future__ import annotations

from typing import Any

import click

from convinspect.cli.completion import complete_columns
from convinspect.cli.options import together
from convinspect.errors import UsageError
from convinspect.render.columns import COLUMNS, chosen
from convinspect.render.options import MEASURES, Options, parse_depth

_NARROWEST, _WIDEST = 40, 10_000

COLUMN_HELP = "\b\nColumns:\n" + "\n".join(
    f"  {column.name:<13} {column.heading + ': ' if column.heading.lower() != column.name else ''}{column.means}"
    for column in COLUMNS.values()
)


# What of a report is shown.
page_options = together(
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


def page_of(options: dict[str, Any]) -> Options:
    """Return the form that `page_options` ask for; raises `UsageError` before anything is loaded."""
    names = tuple(name.strip() for name in (options["columns"] or "").split(",") if name.strip())
    chosen(names)
    if options["top"] is not None and options["sort"] is None:
        raise UsageError("--top needs to know what is heavy", f"add --sort {'|'.join(MEASURES)}")
    if options["sort"] is not None and (options["depth"] is not None or options["expand"]):
        raise UsageError("--sort shows rows without the tree: --depth and --expand have nothing to fold")
    return Options(
        width=options["width"] or 0,
        columns=names,
        depth=parse_depth(options["depth"]),
        expand=options["expand"],
        only=options["only"],
        sort=options["sort"],
        top=options["top"],
        brief=options["brief"],
        verbose=options["verbose"],
    )
