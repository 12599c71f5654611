"""What a reader may choose about the form of a report, never about its numbers."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from importlib import import_module  # noqa: TID251 - of a room, by the name of a format
from typing import Any, Literal, TypeAlias, cast, get_args

from convinspect.errors import UsageError

Measure: TypeAlias = Literal["params", "macs", "memory"]
MEASURES: tuple[Measure, ...] = get_args(Measure)
# A page that goes into a file or a pipe.
PAGE_LINES = 40
PAGE_WIDTH = 120


@dataclass(frozen=True, slots=True)
class Options:
    """The form of a report: ``width`` in cells a line, ``lines`` of the page that the rows are folded into.

    ``columns`` are names of columns, ``default`` for the default ones and ``all``; none: the default ones and, as far
    as the width allows, more. ``depth`` shows that many levels, ``"all"`` every row, ``None`` as many as fit the page
    (``lines`` ``None``: all). ``expand`` folds no equal siblings and hides no operators, ``only`` shows one module
    whole, ``sort`` the heaviest rows (``top`` of them), ``brief`` the heading alone, ``verbose`` what things mean.
    ``window``: the ``lines`` are those of one, and what stands above them is out of sight.
    ``ascii`` keeps to ASCII, for an output that can encode nothing else. ``told``: the failure and the choice of a
    model are said elsewhere. ``picture`` is the address of an image, which lies behind receptive fields.
    """

    width: int = PAGE_WIDTH
    lines: int | None = PAGE_LINES
    color: bool = False
    ascii: bool = False
    columns: tuple[str, ...] = ()
    depth: int | Literal["all"] | None = None
    expand: bool = False
    only: str | None = None
    sort: Measure | None = None
    top: int | None = None
    brief: bool = False
    verbose: bool = False
    told: bool = False
    window: bool = False
    picture: str | None = None


def parse_depth(text: str | int | None) -> int | Literal["all"] | None:
    """Return how many levels to show: a count, or ``all``; raises `UsageError` for anything else."""
    if text is None or text == "all":
        return cast("Literal['all'] | None", text)
    digits = str(text)
    if not (digits.isascii() and digits.isdigit()):
        raise UsageError(f"--depth {text}: not a number of levels", "for example: --depth 2, --depth all")
    # No network is deeper; a number of thousands of digits is read by nobody.
    return int(digits[:9])


def written(room: str, forms: Collection[str], form: str, *given: Any) -> str:
    """Return what ``write`` of the file of ``room`` that has the name of the format makes of what is ``given``.

    The file is imported when it is asked for. Raises `UsageError` for a format that is none of ``forms``.
    """
    if form not in forms:
        raise UsageError(f"no format {form}", f"choose from: {', '.join(forms)}")
    return cast("str", import_module(f"{room}.{form}").write(*given))
