"""The arithmetic behind a report: every figure by its formula, with the numbers put in, and as it ran."""

from __future__ import annotations

from convinspect.explain.explaining import explain, explain_rows
from convinspect.explain.steps import Explanation, Figure, RowExplanation, Step

__all__ = ["Explanation", "Figure", "RowExplanation", "Step", "explain", "explain_rows"]
