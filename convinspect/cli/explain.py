"""``convinspect explain``: the arithmetic behind a row, or what the words of a report mean."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from convinspect.cli.asking import failure_of, reported
from convinspect.cli.completion import complete_target
from convinspect.cli.options import form_of, form_options, request_of, run_options, traceback_option
from convinspect.cli.output import Output, open_output
from convinspect.cli.screen import fitted
from convinspect.cli.streams import say
from convinspect.errors import UsageError
from convinspect.parsing import parse_unit
from convinspect.render.options import Options

if TYPE_CHECKING:
    from convinspect.explain import Explanation


@click.command()
@click.argument("target", required=False, shell_complete=complete_target)
@click.argument("layer", required=False)
@run_options
@click.option("--unit", metavar="I,J", help="Draw the box of the input that this unit of LAYER sees.")
@form_options(("text", "json"), "text")
@traceback_option
def explain(target: str | None, layer: str | None, **options: Any) -> int:
    """Show the arithmetic of LAYER with the numbers put in: output size, parameters, MACs, memory, receptive field.

    LAYER is a module's path (layer1.0.conv1) or a function's name (max_pool2d); without it every row of a small network
    is explained. Without a TARGET, or with neither LAYER nor --input, the terms are. TARGET is what summary takes, or a
    saved report.

    \b
    Example:
      convinspect explain model.py conv2 --input 1,28,28 --unit 4,4
    """
    form = form_of(options, "text")
    if options["unit"] is not None:
        if layer is None:
            raise UsageError(
                f"--unit {options['unit']}: of which layer?", "convinspect explain TARGET LAYER --unit 3,4"
            )
        parse_unit(f"{layer}:{options['unit']}")  # what does not read is told before torch is imported
    output = open_output(options["output"], [target] if target is not None else [])
    with output.claimed():
        is_fed = any(options[name] for name in ("input", "call", "data", "input_from"))
        if target is None or (layer is None and not is_fed and not _runs_alone(target)):
            output.write(_written(None, form, output))
            return 0
        return _run(target, layer, form, output, options)


def _run(target: str, layer: str | None, form: str, output: Output, options: dict[str, Any]) -> int:
    from convinspect.explain import explain as explained  # noqa: PLC0415 - a usage error must not wait for it

    unit = f"{layer}:{options['unit']}" if options["unit"] is not None else None
    request, report = reported(replace(request_of(target, {**options, "unit": unit}), sections=("graph",)))
    failed = failure_of(report, request)
    if failed is not None and not output.is_stdout:
        raise failed
    explanation = explained(report, layer)
    if report.graph is None:
        say(
            f"note: {request.target.text} does not say which row reads which, and so there are no steps of fields: "
            "--json-sections graph saves that too"
        )
    if explanation.rows or failed is None:
        output.write(_written(explanation, form, output))
    if failed is not None:
        raise failed
    return 0


def _runs_alone(target: str) -> bool:
    """Tell whether the target needs no ``--input``: it was run before, or exported with its inputs.

    Raises `UsageError` where there is no such target.
    """
    from convinspect.load import kind_of  # noqa: PLC0415 - --help must not wait for it
    from convinspect.load.importing import check_source  # noqa: PLC0415
    from convinspect.parsing import parse_target  # noqa: PLC0415

    source = parse_target(target).source
    kind = kind_of(source)
    if kind == "python":
        check_source(source)
    return kind in ("report", "export")


def _written(explanation: Explanation | None, form: str, output: Output) -> str:
    """Return ``explanation`` as it was asked for; in the place of none, what the terms mean."""
    from convinspect.explain.writing import as_json, as_text  # noqa: PLC0415

    if form == "json":
        return as_json(explanation)
    return as_text(explanation, min(fitted(Options(width=0), output.screen).width, 120))
