"""A limit held against a report: the one place that says PASS or FAIL of a number."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Literal, TypeAlias

from convinspect.check import evidence, wording
from convinspect.check.baselines import differences
from convinspect.check.limits import Check, Limit
from convinspect.check.metrics import Reading
from convinspect.check.parts import Part, part_of, whole
from convinspect.check.reading import read
from convinspect.check.results import BREACH, UNUSABLE, Baseline, Numbers, Verdict
from convinspect.check.rules import judge_rule
from convinspect.errors import UsageError
from convinspect.report import Report

_Certain: TypeAlias = Literal["PASS", "FAIL"]
_ACCEPT = "--accept-bounds, or accept-bounds = true in the config, takes a bound as the value"


def judge(
    check: Check, report: Report, baseline: Baseline | None = None, cumulative: Baseline | None = None
) -> tuple[Verdict, ...]:
    """Return a verdict for each limit and rule of ``check``, in their order."""
    of_limits = (
        _judge(limit, report, cumulative if limit.kind == "cumulative" else baseline, accept=check.accept_bounds)
        for limit in check.limits
    )
    return (*of_limits, *(judge_rule(rule, report) for rule in check.rules))


def _judge(limit: Limit, report: Report, baseline: Baseline | None, *, accept: bool) -> Verdict:
    blank = Verdict(limit.name, limit.key, "SKIP")
    try:
        part = part_of(report, limit.part) if limit.part else whole(report)
        if limit.kind in ("growth", "cumulative"):
            verdict = _judge_growth(limit, part, baseline, blank, accept=accept)
        else:
            amount = math.ceil(limit.amount) if limit.kind == "min" else math.floor(limit.amount)
            verdict = _held(limit, part, Reading.exactly(amount), None, blank, accept=accept)
        return _with_evidence(verdict, limit, part, baseline)
    except UsageError as error:
        return _unusable(blank, error.message, error.hint)


def _judge_growth(limit: Limit, part: Part, baseline: Baseline | None, blank: Verdict, *, accept: bool) -> Verdict:
    if baseline is None:
        option = "--baseline" if limit.kind == "growth" else "--cumulative-baseline"
        return _unusable(blank, "growth over what?", f"name a saved report or git:REF with {option}")
    if baseline.problem is not None:
        stopped = _unusable(blank, f"baseline {baseline.name}: {baseline.problem.message}", baseline.problem.hint)
        return replace(stopped, exit_code=baseline.problem.exit_code)
    if baseline.report is None or baseline.written:
        return replace(blank, reason=baseline.absent or "the baseline has just been written")
    moved = _moved(limit, part.report, baseline.report)
    if moved:
        return _unusable(blank, f"the baseline is of another run: {moved}", "--update-baseline makes it anew")
    then = read(limit.metric, _same_part(limit, baseline.report))
    allowed = Reading(_grown(limit, then.low), _grown(limit, then.high), then.why)
    return _held(limit, part, allowed, then, blank, accept=accept)


def _moved(limit: Limit, report: Report, baseline: Report) -> str:
    """Return what differs between the runs that the limit's number depends on; empty where nothing does."""
    depends_on = limit.metric.depends_on
    return "; ".join(one.text for one in differences(report, baseline) if one.condition in depends_on)


def _same_part(limit: Limit, baseline: Report) -> Part:
    try:
        return part_of(baseline, limit.part) if limit.part else whole(baseline)
    except UsageError as error:
        raise error.within("in the baseline") from None


def _grown(limit: Limit, value: float) -> float:
    if value == math.inf:
        return value
    return math.floor(int(value) * (1 + limit.amount) if limit.relative else int(value) + limit.amount)


def _held(limit: Limit, part: Part, allowed: Reading, then: Reading | None, blank: Verdict, *, accept: bool) -> Verdict:
    """Return what holds of the limit's number; ``allowed`` is a bound too where ``then``, the baseline's number, is."""
    metric, least = limit.metric, limit.kind == "min"
    value = read(metric, part, least=least)
    told = _told(limit, value, allowed, then, blank)
    certain = _certain(value, allowed, least=least)
    if certain is not None:
        return _decided(certain, told, value.why)
    why = (value.why if not value.is_exact else allowed.why) or "only a bound is known"
    if not accept:
        return _unusable(told, why, _ACCEPT)
    if value.is_unknown or (then is not None and then.is_unknown):
        return replace(told, reason=why, margin="")
    known, bar = _known_end(value), _known_end(allowed)
    good = known >= bar if least else known <= bar
    return _decided("PASS" if good else "FAIL", told, f"{why}; taken as the value")


def _certain(value: Reading, allowed: Reading, *, least: bool) -> _Certain | None:
    """Return what holds wherever each of the two lies between its bounds; ``None`` where that decides it."""
    if least:
        return "PASS" if value.low >= allowed.high else "FAIL" if value.high < allowed.low else None
    return "PASS" if value.high <= allowed.low else "FAIL" if value.low > allowed.high else None


def _decided(status: _Certain, told: Verdict, reason: str | None) -> Verdict:
    return replace(told, status=status, reason=reason, exit_code=BREACH if status == "FAIL" else 0)


def _unusable(verdict: Verdict, reason: str, hint: str | None) -> Verdict:
    return replace(verdict, status="ERROR", margin="", reason=reason, hint=hint, exit_code=UNUSABLE)


def _known_end(read: Reading) -> float:
    return read.low if read.high == math.inf else read.high


def _told(limit: Limit, value: Reading, allowed: Reading, then: Reading | None, blank: Verdict) -> Verdict:
    """Return the verdict with value, limit and margin in words and numbers, undecided."""
    metric, least = limit.metric, limit.kind == "min"
    known, bar = _known_end(value), _known_end(allowed)
    value_text, limit_text = wording.pair(metric, known, bar)
    value_text, limit_text = wording.reading(value, value_text), wording.reading(allowed, limit_text)
    margin = wording.margin(metric, known, bar, least=least)
    if then is not None and then.is_exact:
        limit_text += f" (+{limit.text})"
        if value.is_exact:
            margin = f"{margin.partition(' (')[0]} ({_change(known, then.low)})"
    return replace(
        blank,
        value=value_text,
        limit=f"{'min' if least else 'max'} {limit_text}",
        margin=margin,
        numbers=Numbers(
            metric.unit, _whole(value.low), _whole(value.high), _whole(bar), _whole(_known_end(then)) if then else None
        ),
    )


def _change(now: float, then: float) -> str:
    if now == then:
        return "same"
    return f"{'+' if now > then else '-'}{wording.share(abs(now - then), then)}" if then else "there was none"


def _whole(value: float) -> int | None:
    return None if value == math.inf else int(value)


def _with_evidence(verdict: Verdict, limit: Limit, part: Part, baseline: Baseline | None) -> Verdict:
    """Return a breach of a maximum with the rows behind it."""
    if verdict.status != "FAIL" or limit.kind == "min":
        return verdict
    verdict = replace(verdict, heaviest=evidence.heaviest(limit.metric, part))
    before = baseline.report if baseline is not None and not baseline.written else None
    if before is None or _moved(limit, part.report, before):
        return verdict
    return replace(verdict, changed=evidence.changed(limit.metric, part, _same_part(limit, before)))
