"""The page in colour as a picture, as a terminal would show it; rich draws it."""

from __future__ import annotations

import io
import re

from convinspect.render.options import Options
from convinspect.render.table import console, page, print_lines
from convinspect.render.text import text_width
from convinspect.report import Report
from convinspect.units import printable

# A picture that fetches its letters from somebody's server tells them who looks at it.
_FOREIGN = re.compile(r"\s*(?:@font-face \{.*?\}|<!--.*?-->)", re.DOTALL)


def write(report: Report, options: Options) -> str:
    """Return an SVG document with the page, as wide as its longest line; it holds no script and fetches nothing."""
    lines = page(report, options)
    width = max(text_width(line.plain) for line in lines)
    screen = console(io.StringIO(), width, "truecolor", record=True)
    print_lines(screen, lines)
    screen.print()  # rich's frame cuts what hangs below the last line
    # A name that does not change with what is in it: two pictures differ where the pages do.
    drawn = screen.export_svg(title=printable(report.model.target), unique_id="page")
    return _FOREIGN.sub("", drawn).strip()
