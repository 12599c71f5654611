"""Shapes and fields, before and after, in few words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from convinspect.diff.compare import compare
from convinspect.diff.difference import Row
from convinspect.diff.labels import outputs, receptive_field
from convinspect.records import ReceptiveField, TensorRecord
from convinspect.render.text import ASCII
from convinspect.report import Layer
from tests.diff.reports import relu as layer_of
from tests.diff.reports import report, square

A = TensorRecord((1, 8, 4, 4), "float32", 512)
HALF = replace(A, dtype="float16")
SMALL = replace(A, shape=(1, 8, 2, 2))


def row_of(before: Layer | None = None, after: Layer | None = None) -> Row:
    """Return the row that a diff makes of two layers."""
    whole = report(layer_of("r", 8))
    sides = [
        replace(whole, layers=(whole.layers[0], *([layer] if layer is not None else []))) for layer in (before, after)
    ]
    return compare(*sides).rows[1]


LAYER = report(layer_of("r", 8)).layers[1]


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ((A,), (A,), ""),
        ((A,), (SMALL,), "1x8x4x4 -> 1x8x2x2"),
        ((A,), (HALF,), "float32 -> float16"),
        ((A, A), (A, SMALL), "out.1 1x8x4x4 -> 1x8x2x2"),
        ((A,), (A, A), "1x8x4x4 -> 1x8x4x4 (+1)"),
        ((), (replace(A, shape=()),), "none -> scalar"),
    ],
)
def test_of_outputs_the_first_that_changed_is_shown(
    before: tuple[TensorRecord, ...], after: tuple[TensorRecord, ...], said: str
) -> None:
    assert outputs(row_of(replace(LAYER, outputs=before), replace(LAYER, outputs=after)), ASCII) == said


def test_a_row_of_one_report_shows_its_own_shape() -> None:
    assert outputs(row_of(after=replace(LAYER, outputs=(A, A))), ASCII) == "1x8x4x4 (+1)"
    assert outputs(row_of(before=replace(LAYER, outputs=(A,))), ASCII) == "1x8x4x4"


FIVE = square(5)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (FIVE, FIVE, ""),
        (FIVE, square(9), "5 -> 9"),
        (FIVE, replace(FIVE, size=(5, 7)), "5 -> 5x7"),
        (FIVE, replace(FIVE, jump=(2, 2)), "jump 1 -> 2"),
        (FIVE, replace(FIVE, start=(-2, -2)), "start 0 -> -2"),
        (FIVE, replace(FIVE, size=None, status="global"), "5 -> all"),
        (FIVE, replace(FIVE, size=None, status="unknown"), "5 -> ?"),
        (FIVE, None, "5 -> none"),
        (None, FIVE, "none -> 5"),
        (FIVE, replace(FIVE, status="upper_bound"), "status exact -> upper_bound"),
    ],
)
def test_of_fields_the_size_is_shown_or_what_else_changed(
    before: ReceptiveField | None, after: ReceptiveField | None, said: str
) -> None:
    row = row_of(replace(LAYER, receptive_field=before), replace(LAYER, receptive_field=after))
    assert receptive_field(row, ASCII) == said
