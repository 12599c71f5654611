"""Receptive fields in a cell's room."""

from __future__ import annotations

from dataclasses import replace

import pytest

from convinspect.records import ReceptiveField
from convinspect.render import field
from convinspect.render.text import ASCII, UNICODE

from . import nets

PLAIN = nets.square(14, 2, 0)


@pytest.mark.parametrize(
    ("given", "wide", "narrow"),
    [
        (PLAIN, "14", "14"),
        (replace(PLAIN, size=(14, 7), size_min=(14, 7)), "14x7", "14x7"),
        (
            replace(PLAIN, size=(204, 204), size_min=(188, 188), size_by=("phase", "phase")),
            "204 (188-204 by phase)",
            "188-204",
        ),
        (replace(PLAIN, size=(9, 5), size_min=(7, 5)), "9x5 (7x5-9x5)", "7-9x5"),
        (replace(PLAIN, status="upper_bound"), "≤14", "≤14"),
        (replace(PLAIN, status="unknown"), "?", "?"),
        (replace(PLAIN, status="data_dependent"), "data", "data"),
        (nets.everything(), "all", "all"),
        (nets.everything(("se", "aten.mean.dim")), "all", "all"),
        (nets.everything(("se", "aten.mean.dim"), 851), "all (851)", "all (851)"),
        (nets.flattened(16), "~16", "~16"),
        (replace(PLAIN, size=(14, None), size_min=None, coverage=(0.5, 1.0)), "14xall", "14xall"),
        (replace(PLAIN, size=None, center=None, coverage=None), "?", "?"),
    ],
)
def test_a_field_is_written_in_a_few_cells(given: ReceptiveField, wide: str, narrow: str) -> None:
    assert field.size_text(given, UNICODE, compact=False) == wide
    assert field.size_text(given, UNICODE, compact=True) == narrow


def test_a_bound_has_an_ascii_form() -> None:
    assert field.size_text(replace(PLAIN, status="upper_bound"), ASCII, compact=False) == "<=14"


def test_nearly_all_of_the_input_is_not_printed_as_all_of_it() -> None:
    assert field.coverage_text(replace(PLAIN, coverage=(0.9999, 0.9999))) == "99.9%"
    assert field.coverage_text(replace(PLAIN, coverage=(1.0, 0.125))) == "100%x12.5%"


def test_jump_start_and_centre_speak_per_axis() -> None:
    given = replace(PLAIN, jump=("1/2", 2), start=(-3, -3), center=((0, 9), None))
    assert field.jump_text(given) == "1/2x2"
    assert field.start_text(given) == "-3"
    assert field.center_text(given) == "0..9xnone"


def test_the_local_jump_stands_in_brackets() -> None:
    assert field.jump_text(nets.everything(("se", "mean"), 851)) == "(32)"
    assert field.jump_text(nets.everything(("se", "mean"))) == ""
