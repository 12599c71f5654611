"""Signs in cells that a reader must not guess: each is explained where it occurs, and only there."""

from __future__ import annotations

from enum import Enum


class Sign(Enum):
    """A sign, in the order of the legend: ``shown`` is how the legend writes it, ``pattern`` finds it in a cell.

    A ``plain`` one needs no word on a page without definitions.
    """

    MORE = "+n", r" \+\d+$", "n more tensors of the same layer", False
    NONE = "none", "^none$", "gives no tensor: nothing, a number, or an object that cannot be looked into", False
    ALL = "all", r"all", "RF: the whole input", True
    GATED = "all (n)", r"all \(", "RF: the whole input; in brackets with that set aside", False
    EXTENTS = "axb", r"\dx\d", "RF: one extent for each spatial axis of the input, where they differ", True
    LOCAL = "(n)", r"^\(", "Stride, Start: with what makes the RF global set aside", False
    CENTRE = "~n", "~", "RF: of the unit that sees most, clipped to the input", True
    DATA = "data", "^data$", "RF: it depends on the data", False
    AT_MOST = "{glyphs.at_most}", "^(≤|<=)", "RF: at most", False
    FROZEN = "*", r"\*$", "frozen, all or some of them: these take no gradient", False
    COUNTED = "(n)", r"^\(", "Params: counted at the first call", False
    AT_LEAST = "{glyphs.at_least}", "^(≥|>=)", "at least: some operators have no rule", False
    UNKNOWN = "?", r"^\?$", "not known", False

    def __init__(self, shown: str, pattern: str, meaning: str, plain: bool) -> None:  # noqa: FBT001 - a word of a table
        self.shown = shown
        self.pattern = pattern
        self.meaning = meaning
        self.plain = plain
