"""``convinspect check``: limits from options or a config, held against the reports of one model or of many."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import click

from convinspect.check import DEVICE
from convinspect.check.formats import FORMATS, write
from convinspect.check.metrics import limit_options
from convinspect.cli.completion import complete_target
from convinspect.cli.options import form_of, form_options, gathering_options, run_options, together, traceback_option
from convinspect.cli.output import open_output
from convinspect.cli.screen import fitted
from convinspect.cli.streams import say
from convinspect.errors import Complaint, UsageError
from convinspect.render.options import Options
from convinspect.version import __version__

if TYPE_CHECKING:
    from convinspect.check.results import Session


class _Command(click.Command):
    """A command whose usage errors are JSON on stdout as well, where JSON was asked for."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Return what click leaves of ``args``."""
        asked = list(args)
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            if not {"--json", "--format=json"}.isdisjoint(asked) or ("--format", "json") in pairwise(asked):
                click.echo(_document("json", Complaint(error.format_message(), None, error.exit_code)))
            raise


@click.command(cls=_Command, context_settings={"default_map": {"device": DEVICE}})
@click.argument("target", required=False, metavar="[NAME|TARGET]", shell_complete=complete_target)
@together(
    *(
        click.option(f"--{name}", metavar="AMOUNT", help=text, hidden=not shown)  # the rarer ones are not in the help
        for name, text, shown in limit_options()
    )
)
@click.option(
    "--max-growth",
    multiple=True,
    metavar="METRIC=AMOUNT",
    help="How much more than in --baseline: params=5%, macs=10M; repeatable.",
)
@click.option("--baseline", metavar="FILE|git:REF", help="A saved report, or the same model at a git revision.")
@click.option(
    "--max-cumulative-growth",
    multiple=True,
    metavar="METRIC=AMOUNT",
    help="How much more than in --cumulative-baseline, an older one.",
)
@click.option("--cumulative-baseline", metavar="FILE|git:REF", help="What small steps are added up from.")
@click.option("--update-baseline", is_flag=True, help="Write the report to the file that --baseline names.")
@click.option("--accept-bounds", is_flag=True, help="Take a bound as the value, and pass over what is not known.")
@run_options
@click.option("--config", metavar="FILE", help="Take the checks from there; by default the nearest one upwards.")
@form_options(FORMATS, "text")
@click.option("--jobs", "-j", type=click.IntRange(min=1), default=1, show_default=True, help="Models at a time.")
@gathering_options
@traceback_option
def check(target: str | None, **options: Any) -> int:
    """Hold models to their budgets; exit with 1 where one is over.

    With no argument every check of the nearest pyproject.toml or convinspect.toml runs, with a NAME that one. Any other
    argument is a TARGET as summary takes it, or a saved report, and the limits are options. Every --max-X has a
    --min-X. Amounts: 5M, 1_200_000, 20MiB, 20MB (10^6), 5%.

    \b
    Example:
      convinspect check model.py --input 3,224,224 --max-params 5M --max-macs 600M
    \b
      [tool.convinspect.checks.small]       # pyproject.toml
      target = "model.py:Net"
      inputs = ["3,224,224"]
      limits = { params = "5M", weights = "20MiB", min-receptive-field = 128 }

    Exit codes: 0 all passed, 1 over budget, 2 not usable or not decided, 3 the model failed. All checks run, and the
    largest code wins.
    """
    ctx = click.get_current_context()
    given = frozenset(
        name for name in options if ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
    )
    form = form_of(options, "text")
    try:
        output = open_output(options["output"], [target] if target else [])
    except UsageError as error:
        if form != "text":  # as text it stands on stderr alone
            click.echo(_document(form, Complaint.of(error)))
        raise
    with output.claimed():
        try:
            session = _session(target, options, given)
        except Exception as error:
            if form != "text":
                output.write(_document(form, Complaint.of(error)))
            raise
        text = write(session, form)
        output.write(_coloured(text) if form == "text" and fitted(Options(), output.screen).color else text)
    return session.exit_code


def _session(target: str | None, options: dict[str, Any], given: frozenset[str]) -> Session:
    from convinspect.cli.check_plan import plan_of  # noqa: PLC0415 - --help must not wait for it

    plan = plan_of(target, options, given)
    for note in plan.notes:
        say(f"note: {note}")
    from convinspect.check.results import Session  # noqa: PLC0415 - a usage error must not wait for it
    from convinspect.cli.check_run import Running, run, workspace  # noqa: PLC0415

    running = Running(options["jobs"], options["timeout"], cache=not options["no_cache"])
    results = run(plan.checks, running, update=options["update_baseline"])
    return Session(__version__, workspace(), plan.config, results)


def _document(form: str, problem: Complaint) -> str:
    """Return what stopped everything in the format that was asked for."""
    from convinspect.check.results import Session  # noqa: PLC0415
    from convinspect.cli.check_run import workspace  # noqa: PLC0415

    return write(Session(__version__, workspace(), problem=problem), form)


def _coloured(text: str) -> str:
    """Return ``text`` with the words at the start of its lines in colour."""
    colours = {"PASS": "green", "FAIL": "red", "ERROR": "magenta", "SKIP": "yellow"}
    return re.sub(
        r"^(PASS|FAIL|ERROR|SKIP)(?= )", lambda word: click.style(word[0], colours[word[0]]), text, flags=re.MULTILINE
    )
