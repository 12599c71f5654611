"""Pictures for papers, by matplotlib: memory over time, receptive fields on the input, the graph."""

from __future__ import annotations

from convinspect.plot.drawing import KINDS, SUFFIXES, Kind, PlotOptions, draw, sections_of

__all__ = ["KINDS", "SUFFIXES", "Kind", "PlotOptions", "draw", "sections_of"]
