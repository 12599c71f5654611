"""The page for people as a drawing, for papers: rich's, without a window around it or a font from elsewhere."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING

from rich.console import Console
from rich.terminal_theme import TerminalTheme

from convinspect.render.page import page

if TYPE_CHECKING:
    from convinspect.render.options import Options
    from convinspect.report import Report

_DRAWING = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">
<style>
.{unique_id}-matrix {{
  font-family: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace;
  font-size: {char_height}px;
  line-height: {line_height}px;
}}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal"><rect width="{terminal_width}" height="{terminal_height}"/></clipPath>
{lines}
</defs>
<rect width="{width}" height="{height}" fill="#ffffff"/>
<g transform="translate(9, 12)" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>"""

# Black, red, green, yellow, blue (behind shares), magenta, cyan, white; bright ones alike.
_COLORS = [(28, 33, 41), (178, 34, 40), (26, 127, 55), (146, 94, 0), (196, 218, 255), (130, 70, 160), (0, 98, 122)]
_ON_WHITE = TerminalTheme((255, 255, 255), (28, 33, 41), [*_COLORS, (90, 98, 108)])


def write(report: Report, options: Options) -> str:
    """Return the page in lines of at most ``options.width`` cells as SVG, on white."""
    lines = page(report, replace(options, color=True))
    console = Console(
        file=io.StringIO(),
        record=True,
        width=max((line.cell_len for line in lines), default=1),
        color_system="standard",
        force_terminal=True,
        legacy_windows=False,
        highlight=False,
        markup=False,
        emoji=False,
    )
    for line in lines:
        console.print(line, no_wrap=True, crop=False, overflow="ignore")
    return console.export_svg(theme=_ON_WHITE, code_format=_DRAWING, unique_id="convinspect")
