"""Budgets that hold: reports against limits. No torch: what is checked is ints and strings."""

from __future__ import annotations
