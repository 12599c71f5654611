"""The page in colour as a picture, as a terminal would show it; rich draws it."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

from convinspect.render.page import page, print_on
from convinspect.render.text import text_width
from convinspect.units import printable

if TYPE_CHECKING:
    from convinspect.render.options import Options
    from convinspect.report import Report

# A picture that fetches its letters from somebody's server tells them who looks at it.
_FOREIGN = re.compile(r"\s*(?:@font-face \{.*?\}|<!--.*?-->)", re.DOTALL)


def write(report: Report, options: Options) -> str:
    """Return an SVG document with the page, as wide as its longest line; it holds no script and fetches nothing."""
    lines = page(report, options)
    width = max(text_width(line.plain) for line in lines)
    console = print_on(io.StringIO(), lines, width, "truecolor", record=True)
    console.print()  # rich's frame cuts what hangs below the last line
    # A name that does not change with what is in it: two pictures differ where the pages do.
    drawn = console.export_svg(title=printable(report.model.target), unique_id="page")
    return _FOREIGN.sub("", drawn).strip()
