"""One picture of a report as the bytes of its file."""

from __future__ import annotations

import io
from dataclasses import dataclass
from importlib import import_module  # noqa: TID251 - matplotlib, and of this room by the name of a kind
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from convinspect.errors import UsageError
from convinspect.spec import Section

if TYPE_CHECKING:
    from convinspect.report import Report

Kind: TypeAlias = Literal["memory", "field", "graph"]
KINDS: tuple[Kind, ...] = get_args(Kind)
SUFFIXES = (".svg", ".png", ".pdf")
# The sections of a report that each is drawn from.
SECTIONS: dict[Kind, tuple[Section, ...]] = {"memory": ("timeline",), "field": (), "graph": ("graph",)}
# The same bytes for the same report; text stays text, and a dollar in a name is no formula.
_STYLE = {
    "svg.hashsalt": "convinspect",
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.dpi": 150,
}
_NO_DATE = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}, ".png": {"Software": None}}


@dataclass(frozen=True, slots=True)
class PlotOptions:
    """What is drawn: ``run`` of the memory, ``layers`` of the fields by their paths, ``depth`` of the graph."""

    run: Literal["inference", "training"] | None = None
    layers: tuple[str, ...] = ()
    depth: int | None = None


def draw(report: Report, kind: Kind, options: PlotOptions, suffix: str) -> bytes:
    """Return the picture as a file with ``suffix``, one of `SUFFIXES`.

    Raises `UsageError` where the report has nothing to draw, or what draws it is not installed.
    """
    try:
        matplotlib: Any = import_module("matplotlib")
        figures: Any = import_module("matplotlib.figure")
    except ImportError as error:
        raise UsageError("plot needs matplotlib", "install it with: pip install 'convinspect[plot]'") from error
    made = io.BytesIO()
    with matplotlib.rc_context(_STYLE):
        figure = figures.Figure(layout="constrained")
        import_module(f"convinspect.plot.{kind}").draw(report, options, figure)
        figure.savefig(made, format=suffix[1:], bbox_inches="tight", metadata=_NO_DATE[suffix])
    return made.getvalue()
