"""What a reader may choose about the form of a diff; never about its numbers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Options:
    """How text is laid out: ``width`` cells a line, in colour or not, rows no deeper than ``depth`` (``None``: all).

    ``ascii`` keeps to ASCII, for an output that can encode nothing else.
    """

    width: int = 100
    color: bool = False
    depth: int | None = None
    ascii: bool = False
