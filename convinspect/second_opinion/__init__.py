"""torchsummary on the same model: where it agrees with a report and where not. It never feeds the report."""

from __future__ import annotations

from convinspect.second_opinion.ask import ask
from convinspect.second_opinion.opinion import Difference, SecondOpinion, in_words

__all__ = ["Difference", "SecondOpinion", "ask", "in_words"]
