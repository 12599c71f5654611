"""The HTML page within another one: a frame in a cell of a notebook."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from convinspect.render.html import write
from convinspect.render.options import Options

if TYPE_CHECKING:
    from convinspect.report import Report


@dataclass(frozen=True, slots=True)
class Frame:
    """The page of ``report`` in a frame of ``height`` pixels, cut off from what is around it."""

    report: Report
    height: int

    def _repr_html_(self) -> str:
        """Return the frame with the whole page in it."""
        page = escape(write(self.report, Options()))
        # Its script may run and save drawings; it is of no origin, so that the notebook is out of its reach.
        return (
            f'<iframe title="convinspect" sandbox="allow-scripts allow-downloads" width="100%" height="{self.height}" '
            f'style="border: 0" srcdoc="{page}"></iframe>'
        )
