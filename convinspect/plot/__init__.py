"""Pictures for papers, by matplotlib: memory over time, receptive fields on the input, the graph."""

from __future__ import annotations

from convinspect.plot.drawing import KINDS, SECTIONS, SUFFIXES, Kind, PlotOptions, draw

__all__ = ["KINDS", "SECTIONS", "SUFFIXES", "Kind", "PlotOptions", "draw"]
