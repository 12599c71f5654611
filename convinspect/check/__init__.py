"""Budgets that hold: reports against limits. No torch: what is checked is ints and strings."""

from __future__ import annotations

# A gate must say the same on every machine: no weights, no computing, and no difference between a laptop and a GPU.
DEVICE = "meta"
