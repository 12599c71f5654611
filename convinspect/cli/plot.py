"""``convinspect plot``: one picture of a target, for papers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from convinspect.cli.asking import failure_of, reported
from convinspect.cli.completion import complete_target
from convinspect.cli.options import request_of, run_options, traceback_option
from convinspect.cli.output import open_output
from convinspect.errors import UsageError
from convinspect.plot import KINDS, SECTIONS, SUFFIXES, PlotOptions, draw


@click.command(no_args_is_help=True)
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("target", shell_complete=complete_target)
@run_options
@click.option("--run", type=click.Choice(["inference", "training"]), help="Of memory: which run; training if known.")
@click.option("--layer", "layers", multiple=True, metavar="PATH", help="Of field: a layer to draw; repeatable.")
@click.option("--depth", type=click.IntRange(min=0), help="Of graph: how many levels of modules.")
@click.option("--output", "-o", required=True, metavar="FILE", help="A .svg, .png or .pdf file.")
@traceback_option
def plot(kind: Any, target: str, **options: Any) -> int:
    """Draw TARGET's memory over time, the receptive fields of some of its layers, or its graph.

    It takes matplotlib (pip install 'convinspect[plot]'), a graph also graphviz. A saved report needs the sections that
    --json-sections timeline,graph gave it.

    \b
    Example:
      convinspect plot memory model.py --input 3,224,224 -o memory.svg
    """
    suffix = Path(options["output"]).suffix.lower()
    if suffix not in SUFFIXES:
        raise UsageError(f"--output {options['output']}: not a {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]} file")
    of = {"run": "memory", "layers": "field", "depth": "graph"}
    for name, drawn in of.items():
        if options[name] not in (None, ()) and kind != drawn:
            raise UsageError(f"--{name.removesuffix('s')} is for plot {drawn}")
    request = replace(request_of(target, options), sections=SECTIONS[kind])
    output = open_output(options["output"], [request.target.source])
    with output.claimed():
        request, report = reported(request)
        failed = failure_of(report, request)
        if failed is not None:
            raise failed
        output.write_bytes(draw(report, kind, PlotOptions(options["run"], options["layers"], options["depth"]), suffix))
    return 0
