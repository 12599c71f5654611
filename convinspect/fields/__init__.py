"""Receptive fields: which elements of an input every tensor of a forward run depends on, exactly.

Two answers stand side by side. Exact arrays (`bounds`), clipped to the real input, go through every operator that runs;
nominal maps (`nominal`), unclipped, give size, jump and start as the papers do. A global operator (a gate, a norm over
positions, attention over all of them) leaves the exact strict answer, and takes its share out of the local one.
"""

from __future__ import annotations

from convinspect.facts import Unit
from convinspect.fields import aten  # noqa: F401 - importing it registers the rules of torch's operators
from convinspect.fields.axes import spatial_axes
from convinspect.fields.field import Field
from convinspect.fields.follow import follow, notes_of
from convinspect.fields.rules import Call, rule
from convinspect.fields.tracker import FieldTracker

__all__ = ["Call", "Field", "FieldTracker", "Unit", "follow", "notes_of", "rule", "spatial_axes"]
