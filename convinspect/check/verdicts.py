"""What a check comes to: one verdict a limit, and the worst of several."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

Status: TypeAlias = Literal["PASS", "FAIL", "SKIP", "ERROR"]
BREACH, UNUSABLE = 1, 2


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the report that has a part in a verdict: what it is called, and its amount in words."""

    name: str
    amount: str


@dataclass(frozen=True, slots=True)
class Numbers:
    """The numbers of a verdict: the value between ``low`` and ``high``, its limit, and where it comes from.

    An infinite ``high`` is ``None``; so is ``low`` of a field that is larger than any input.
    """

    unit: str
    low: int | None
    high: int | None
    limit: int | None
    baseline: int | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """One limit held against a report, in words and in ``numbers``.

    ``name`` is the limit, ``key`` the option or key that sets it. ``reason`` says why it is no plain PASS or FAIL.
    ``heaviest`` are the rows that weigh most, ``changed`` those that differ most from the baseline.
    """

    name: str
    key: str
    status: Status
    value: str = ""
    limit: str = ""
    margin: str = ""
    reason: str | None = None
    hint: str | None = None
    numbers: Numbers | None = None
    heaviest: tuple[Row, ...] = ()
    changed: tuple[Row, ...] = ()
    exit_code: int = 0


def worst(codes: Iterable[int]) -> int:
    """Return the exit code of several: the largest.

    A bug of ours (70) comes before a model that failed (3), that before what cannot be used (2), and a breach (1)
    last: where something could not be checked, nobody knows whether there are more.
    """
    return max(codes, default=0)
