"""Rules of structure: what must hold for every layer, whatever the sums are; and whether a report keeps them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

from convinspect import units
from convinspect.check.limits import Rule, RuleKind
from convinspect.check.parts import Part, part_of, row_name, whole
from convinspect.check.results import BREACH, UNUSABLE, Row, Verdict
from convinspect.errors import UsageError
from convinspect.report import Layer, Report

_MOST = 3
# Counters, indices and masks: BatchNorm counts its batches in one, and no weight is stored in them.
_NO_WEIGHTS = frozenset({"bool", "int16", "int32", "int64", "uint16", "uint32", "uint64"})


def judge_rule(one: Rule, report: Report) -> Verdict:
    """Return whether ``report`` keeps the rule; a pattern that matches nothing cannot be checked."""
    try:
        return _JUDGES[one.kind](one, report)
    except UsageError as error:
        return Verdict(one.name, one.key, "ERROR", reason=error.message, hint=error.hint, exit_code=UNUSABLE)


def _verdict(one: Rule, broken: Mapping[str, str], *, value: str, limit: str) -> Verdict:
    rows = tuple(Row(name, amount) for name, amount in list(broken.items())[:_MOST])
    if not broken:
        return Verdict(one.name, one.key, "PASS", value, limit)
    margin = f"{len(broken)} broken" if len(broken) > 1 else ""
    return Verdict(one.name, one.key, "FAIL", value, limit, margin, heaviest=rows, exit_code=BREACH)


def _max_share(one: Rule, report: Report) -> Verdict:
    _refuse_unregistered(report, [whole(report)])
    total = sum(row.params for row in report.layers)
    if not total:
        raise UsageError("the model has no parameters to have a share of")
    rows = sorted(report.layers, key=lambda row: -row.params)
    most, allowed = rows[0].params, math.floor(one.share * total)
    over = {row_name(row): _with_share(row.params, total) for row in rows if row.params > allowed}
    verdict = _verdict(
        one,
        over,
        value=_with_share(most, total),
        limit=f"max {units.exact(allowed)} ({float(100 * one.share):g}%)",
    )
    return replace(verdict, margin=f"{units.exact(abs(allowed - most))} {'over' if over else 'left'}")


def _with_share(params: int, total: int) -> str:
    return f"{units.exact(params)} ({100 * params / total:.1f}%)"


def _gradients(one: Rule, report: Report) -> Verdict:
    def wrong(row: Layer) -> int:
        return row.trainable_params if one.kind == "frozen" else row.params - row.trainable_params

    called = "trainable" if one.kind == "frozen" else "frozen"
    parts = [part_of(report, pattern) for pattern in one.names]
    if any(note.code == "assumed_trainable" for note in report.warnings):
        raise UsageError("a file of weights does not tell which parameters are trained", "check the model itself")
    rows = {id(row): row for part in parts for row in part.rows}.values()
    _refuse_unregistered(report, parts)
    broken = {row_name(row): f"{units.exact(wrong(row))} {called}" for row in rows if wrong(row)}
    total = sum(row.params for row in rows)
    if not total:
        raise UsageError(f"no parameters in {', '.join(one.names)}", "a tied weight counts where it is first owned")
    amount = sum(map(wrong, rows))
    return _verdict(one, broken, value=f"{units.exact(amount)} {called} of {units.exact(total)}", limit="max 0")


def _refuse_unregistered(report: Report, parts: list[Part]) -> None:
    for note in report.warnings:
        if note.code == "unregistered" and (note.path is None or any(part.holds(note.path) for part in parts)):
            raise UsageError(note.message)


def _dtypes(one: Rule, report: Report) -> Verdict:
    strange: dict[str, str] = {}
    for dtype, size in report.totals.bytes_by_dtype.items():
        if dtype not in one.names and dtype not in _NO_WEIGHTS:
            strange[f"weights in {dtype}"] = units.size(size)
    for row in report.layers:
        for out in row.outputs:
            if out.dtype not in one.names and out.dtype not in _NO_WEIGHTS:
                strange.setdefault(row_name(row), f"gives {out.dtype}")
    used = sorted({*report.totals.bytes_by_dtype, *(out.dtype for row in report.layers for out in row.outputs)})
    value = ", ".join(name for name in used if name not in _NO_WEIGHTS) or "none"
    return _verdict(one, strange, value=value, limit=f"only {', '.join(one.names)}")


def _no_uncounted(one: Rule, report: Report) -> Verdict:
    if report.model.format == "weights":
        raise UsageError("a file of weights has no forward")
    broken = {f"{used.op} in {used.path or 'the model'}": f"{used.count}x" for used in report.uncounted}
    if not broken and any(row.macs_status != "exact" for row in whole(report).rows):
        raise UsageError("the MACs are not known")
    return _verdict(one, broken, value=f"{len({used.op for used in report.uncounted})} operators", limit="max 0")


_JUDGES: Mapping[RuleKind, Callable[[Rule, Report], Verdict]] = {
    "max-share": _max_share,
    "trainable": _gradients,
    "frozen": _gradients,
    "dtypes": _dtypes,
    "no-uncounted": _no_uncounted,
}
