"""What ``convinspect check`` was asked: the checks of a config, one of them, or one made of options."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from convinspect.check.config import Config, find_config, read_config
from convinspect.check.limits import Check, GrowthKind, Limit, bound, growth, nearest
from convinspect.check.metrics import limit_options
from convinspect.cli.options import request_of
from convinspect.errors import UsageError
from convinspect.parsing import parse_device
from convinspect.paths import is_file, is_there

# What may be said of a check that stands in a config; everything else it says itself.
_OF_ANY = frozenset(
    (
        *("device", "baseline", "cumulative_baseline", "update_baseline", "accept_bounds"),
        *("config", "form", "as_json", "output", "jobs", "no_cache", "timeout", "traceback"),
    )
)
_EXAMPLE = "for example: convinspect check model.py --input 3,224,224 --max-params 5M"


@dataclass(frozen=True, slots=True)
class Plan:
    """The checks to run, the config that they stand in, and what a reader must know of the choice."""

    checks: tuple[Check, ...]
    config: Path | None = None
    notes: tuple[str, ...] = ()


def plan_of(target: str | None, options: dict[str, Any], given: frozenset[str]) -> Plan:
    """Return what to check; ``given`` are the options that were said.

    A ``target`` that is the name of a check is that check, whatever file has the name; with a slash or a colon in it,
    it is never a name. Raises `UsageError` for a config or an option that does not fit.
    """
    config = _config(target, options["config"])
    if config is None:
        if target is None:
            where = f"no convinspect.toml, nor a pyproject.toml with [tool.convinspect], from {Path.cwd()} upwards"
            raise UsageError(f"nothing to check: {where}", _EXAMPLE)
        return Plan((_of_options(target, options),))
    if target is None:
        return Plan(_adjusted(config.checks, options, given, config), config.file)
    named = config.named(target)
    if named is not None:
        notes = (f"{target} is a check of {config.file} and a file too: the check is taken; the file is ./{target}",)
        both = is_there(Path(target))
        return Plan(_adjusted((named,), options, given, config), config.file, notes if both else ())
    names = [check.name for check in config.checks]
    if options["config"] is not None:
        raise UsageError(f"{target}: no check of {config.file}", nearest(target, names))
    if not (is_there(Path(target)) or "." in target):
        raise UsageError(f"{target}: neither a check of {config.file} nor a file", nearest(target, names))
    return Plan((_of_options(target, options),))


def _config(target: str | None, said: str | None) -> Config | None:
    if said is not None:
        return read_config(Path(said))
    if target is not None and any(mark in target for mark in "/\\:"):
        return None
    found = find_config(Path.cwd())
    if found is None:
        return None
    with suppress(ValueError):  # on another drive it stays as it is
        found = Path(os.path.relpath(found))
    try:
        return read_config(found)
    except UsageError:
        if target is not None and is_file(Path(target)):
            return None  # nothing of the config is needed
        raise


def _adjusted(
    checks: tuple[Check, ...], options: dict[str, Any], given: frozenset[str], config: Config
) -> tuple[Check, ...]:
    """Return the checks of the config with what was said for this run alone."""
    foreign = sorted(given - _OF_ANY)
    if foreign:
        option = foreign[0].replace("_", "-")
        raise UsageError(f"--{option} is for a TARGET; what is checked here stands in {config.file}", _EXAMPLE)
    for name in ("baseline", "cumulative_baseline"):
        if options[name] and not options[name].startswith("git:") and len(checks) > 1:
            said = f"--{name.replace('_', '-')} {options[name]}"
            raise UsageError(
                f"{said}: one report cannot be the baseline of {len(checks)} checks",
                "name one check, or a revision: git:REF",
            )
    return tuple(_overridden(check, options, given) for check in checks)


def _overridden(check: Check, options: dict[str, Any], given: frozenset[str]) -> Check:
    here = Path.cwd()
    return replace(
        check,
        request=replace(check.request, device=parse_device(options["device"])) if "device" in given else check.request,
        baseline=_absolute(options["baseline"], here) or check.baseline,
        cumulative_baseline=_absolute(options["cumulative_baseline"], here) or check.cumulative_baseline,
        accept_bounds=check.accept_bounds or options["accept_bounds"],
    )


def _absolute(baseline: str | None, folder: Path) -> str | None:
    """Return a baseline of the command line, which is relative to the working folder and not to the config's."""
    return baseline if not baseline or baseline.startswith("git:") else str(folder / baseline)


def _of_options(target: str, options: dict[str, Any]) -> Check:
    limits = tuple(_limits(options))
    if not limits and not options["update_baseline"]:
        raise UsageError(f"{target}: no limit: nothing is checked", _EXAMPLE)
    return Check(
        name=target,
        request=request_of(target, options),
        folder=Path.cwd(),
        limits=limits,
        baseline=options["baseline"],
        cumulative_baseline=options["cumulative_baseline"],
        accept_bounds=options["accept_bounds"],
    )


def _limits(options: dict[str, Any]) -> Iterator[Limit]:
    for name, _, _ in limit_options():
        value = options[name.replace("-", "_")]
        if value is not None:
            yield bound(name, value, f"--{name}")
    yield from _growths("growth", "--max-growth", options["max_growth"])
    yield from _growths("cumulative", "--max-cumulative-growth", options["max_cumulative_growth"])


def _growths(kind: GrowthKind, option: str, texts: tuple[str, ...]) -> Iterator[Limit]:
    for text in texts:
        metric, equals, amount = text.partition("=")
        if not equals:
            raise UsageError(f"{option} {text}: expected METRIC=AMOUNT", f"for example: {option} params=5%")
        yield growth(kind, metric.strip(), amount, f"{option} {text}")
