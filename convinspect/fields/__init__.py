"""Receptive fields: which elements of an input every tensor of a forward run depends on, exactly.

Two answers stand side by side (`hulls`). Exact hulls, clipped to the real input, go through every operator that runs;
nominal maps, unclipped, give size, jump and start as the papers do. A global operator (a gate, a norm over positions,
attention over all of them) leaves the exact strict answer, and takes its share out of the local one.

An exact field is the hull of what an operator reads, whatever the numbers in it are. So these dependences count,
although no change of the input may show them:

* interpolation taps of weight 0, and in general what is multiplied by 0: a weight that was pruned, a dead ReLU;
* keys and values that a mask hides from attention, causal masks among them;
* both branches of ``where``, and what ``masked_fill`` fills over, also where the mask is a constant;
* all of a convolution's weight for each output, where the weight itself depends on the input.

Numbers that leave torch (``x.max().item()``, ``x.numpy()``) make what they come back into unknown, and every slice by a
number that follows; so does what is written to memory that was lent (``a = x.numpy(); a *= 2``). How many elements an
operator found (``len(x.nonzero())``) is such a number once it is read; shapes that are made of it are no values. An
address is none: tensors that are made of what lies there are unknown, single numbers that are read there are not seen.
Nor is followed what a Python branch on ``x.sum() > 0`` or a loop of ``int(x.sum())`` turns decides, what is read out of
printed text, and running statistics that a norm in training updates on the side, for whoever reads them afterwards.
"""

from __future__ import annotations

from convinspect.fields import aten  # noqa: F401 - importing it registers the rules of torch's operators
from convinspect.fields.follow import follow, notes_of, spatial_axes
from convinspect.fields.operations.field import Field
from convinspect.fields.reports import Reports
from convinspect.fields.rules import Call, rf_rule
from convinspect.fields.tracker import FieldTracker
from convinspect.fields.watching import WatchPython
from convinspect.records import Unit

__all__ = [
    "Call",
    "Field",
    "FieldTracker",
    "Reports",
    "Unit",
    "WatchPython",
    "follow",
    "notes_of",
    "rf_rule",
    "spatial_axes",
]
