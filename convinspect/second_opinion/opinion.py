"""What torchsummary says beside a report, as a value and in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

# Differences for one reason beyond this many are counted instead of listed.
_TOLD_EACH = 8


@dataclass(frozen=True, slots=True)
class Difference:
    """One value that the two do not share; ``why`` is ``None`` where the reason is not known."""

    path: str
    what: str
    here: str
    there: str
    why: str | None


@dataclass(frozen=True, slots=True)
class SecondOpinion:
    """``rows`` are torchsummary's own, ``agreed`` those with the report's output shape and parameters.

    ``only_here`` counts the report's rows that it does not have; ``params_there`` is its total (``None``: it did
    not come so far). ``crash`` says where and why it stopped, or why it was not asked.
    """

    version: str
    rows: int
    agreed: int
    only_here: int
    differences: tuple[Difference, ...]
    params_here: int
    params_there: int | None
    crash: str | None


def in_words(opinion: SecondOpinion) -> tuple[str, ...]:
    """Return a few lines for people."""
    name = f"second opinion: torchsummary {opinion.version}"
    lines = [f"{name} {opinion.crash}"] if opinion.crash is not None else []
    if opinion.rows:
        share = (
            f"all its {opinion.rows}" if opinion.agreed == opinion.rows else f"{opinion.agreed} of its {opinion.rows}"
        )
        lines.append(f"{name} agrees on output shape and parameters in {share} rows{_rest(opinion.only_here)}")
    return (*lines, *(f"  {line}" for line in (*_told(opinion.differences), *_totals(opinion))))


def _rest(only_here: int) -> str:
    if not only_here:
        return ""
    return f"; {only_here} {'row is' if only_here == 1 else 'rows are'} only here (functions, containers, the model)"


def _told(differences: tuple[Difference, ...]) -> Iterator[str]:
    told: Counter[tuple[str, str]] = Counter()
    for difference in differences:
        why = f" ({difference.why})" if difference.why else ""
        told[difference.what, why] += 1
        if told[difference.what, why] <= _TOLD_EACH:
            values = f"{difference.here} here, {difference.there} there"
            yield f"{difference.path or 'the model'}: {difference.what} {values}{why}"
    for (what, why), count in told.items():
        if count > _TOLD_EACH:
            yield f"{count - _TOLD_EACH} more differences in {what}{why}"


def _totals(opinion: SecondOpinion) -> Iterator[str]:
    here, there = opinion.params_here, opinion.params_there
    if there is not None:
        yield (
            f"total parameters: {here:,} here and there"
            if here == there
            else (f"total parameters: {here:,} here, {there:,} there")
        )
