"""What a reader may choose about the form of a report; never about its numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from convinspect.errors import UsageError

DEFAULT_COLUMNS = ("output", "params", "macs", "rf", "allocated")

# Every column by the name that --columns takes; "default" stands for the default ones.
COLUMNS = (
    "input",
    "output",
    "dtype",
    "params",
    "trainable",
    "param_bytes",
    "buffers",
    "macs",
    "rf",
    "jump",
    "start",
    "center",
    "coverage",
    "allocated",
    "saved",
)


FIELD_COLUMNS = frozenset(("rf", "jump", "start", "center", "coverage"))


@dataclass(frozen=True, slots=True)
class Options:
    """How text is laid out: at most ``width`` cells a line, in colour or not.

    ``columns`` are names from `COLUMNS`, and ``default`` for the default ones; none: the default ones, as far
    as the width allows. ``ascii`` keeps to ASCII, for an output that can encode nothing else.
    """

    width: int = 100
    color: bool = False
    columns: tuple[str, ...] = ()
    ascii: bool = False


def check_columns(names: Sequence[str]) -> None:
    """Raise `UsageError` for a column that does not exist."""
    for name in names:
        if name != "default" and name not in COLUMNS:
            raise UsageError(f"no column {name}", f"choose from: default, {', '.join(COLUMNS)}")
