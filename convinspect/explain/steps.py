"""What an explanation is made of: figures, each by its formula with the numbers put in, and as the run had it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from convinspect.records import Unit

Topic: TypeAlias = Literal["output", "parameters", "MACs", "memory", "field"]
Figure: TypeAlias = int | str | tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """One figure: ``working`` is the formula with the numbers put in, ``value`` what it gives, ``traced`` what ran.

    ``value`` is ``None`` where no formula is known, ``traced`` where the run does not tell; ``why`` is for people.
    """

    topic: Topic
    what: str
    working: str = ""
    value: Figure | None = None
    traced: Figure | None = None
    why: str = ""

    @property
    def agrees(self) -> bool:
        """Whether formula and run say the same, as far as both say anything."""
        return self.value is None or self.traced is None or self.value == self.traced


@dataclass(frozen=True, slots=True)
class RowExplanation:
    """The arithmetic of one row of a report."""

    path: str
    call: int
    type: str
    kind: Literal["module", "function"]
    settings: tuple[tuple[str, str], ...]
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """The arithmetic of some rows of the report of ``target``, and of one unit where it was asked for."""

    target: str
    rows: tuple[RowExplanation, ...]
    unit: Unit | None = None
    picture: tuple[str, ...] = ()
    unit_steps: tuple[Step, ...] = ()
