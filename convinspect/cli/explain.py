"""``convinspect explain``: the arithmetic behind a row, or what the words of a report mean."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TextIO

import click

from convinspect.cli.asking import reported
from convinspect.cli.completion import complete_target
from convinspect.cli.form import form_of, form_options
from convinspect.cli.hints import failure_of
from convinspect.cli.options import request_of, run_options
from convinspect.cli.output import Output, open_output
from convinspect.cli.screen import width_of
from convinspect.cli.streams import report_stream, say
from convinspect.errors import UsageError
from convinspect.spec import parse_unit

if TYPE_CHECKING:
    from convinspect.explain import Explanation


@click.command()
@click.argument("target", required=False, shell_complete=complete_target)
@click.argument("layer", required=False)
@run_options
@click.option("--unit", metavar="I,J", help="Draw the box of the input that this unit of LAYER sees.")
@form_options(("text", "json"), "text")
@click.option("--traceback", is_flag=True, help="Show Python's traceback of a failure, the frames of your code first.")
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
    with report_stream() as stdout:
        try:
            if target is None or (layer is None and not _is_fed(options) and not _runs_alone(target)):
                output.write(stdout, _terms(form, output, stdout))
                return 0
            return _run(target, layer, form, output, stdout, options)
        finally:
            output.close()


def _run(
    target: str, layer: str | None, form: str, output: Output, stdout: TextIO | None, options: dict[str, Any]
) -> int:
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
        output.write(stdout, _written(explanation, form, output, stdout))
    if failed is not None:
        raise failed
    return 0


def _is_fed(options: dict[str, Any]) -> bool:
    return any(options[name] for name in ("inputs", "calls", "data", "input_from"))


def _written(explanation: Explanation, form: str, output: Output, stdout: TextIO | None) -> str:
    if form == "json":
        from convinspect.explain.json import write  # noqa: PLC0415

        return write(explanation)
    from convinspect.explain.text import write as write_text  # noqa: PLC0415

    return write_text(explanation, _width(output, stdout))


def _runs_alone(target: str) -> bool:
    """Tell whether the target needs no ``--input``: it was run before, or exported with its inputs.

    Raises `UsageError` where there is no such target.
    """
    from convinspect.load import kind_of  # noqa: PLC0415 - --help must not wait for it
    from convinspect.load.importing import check_source  # noqa: PLC0415
    from convinspect.spec import parse_target  # noqa: PLC0415

    source = parse_target(target).source
    kind = kind_of(source)
    if kind == "python":
        check_source(source)
    return kind in ("report", "export")


def _terms(form: str, output: Output, stdout: TextIO | None) -> str:
    if form == "json":
        from convinspect.explain.json import write_terms  # noqa: PLC0415

        return write_terms()
    from convinspect.explain.text import write_terms as in_text  # noqa: PLC0415

    return in_text(_width(output, stdout))


def _width(output: Output, stdout: TextIO | None) -> int:
    return min(width_of(terminal=output.is_stdout and stdout is not None and stdout.isatty()), 120)
