"""Receptive fields in a cell's room, and what follows from them for tiles."""

from __future__ import annotations

from dataclasses import replace

import pytest

from convinspect.facts import ReceptiveField
from convinspect.render import field
from convinspect.render.glyphs import ASCII, UNICODE
from convinspect.report import Report

from . import nets

PLAIN = nets.square(14, 2, 0)


@pytest.mark.parametrize(
    ("given", "wide", "narrow"),
    [
        (None, "", ""),
        (PLAIN, "14", "14"),
        (replace(PLAIN, size=(14, 7), size_min=(14, 7)), "14x7", "14x7"),
        (replace(PLAIN, size=(204, 204), size_min=(188, 188)), "204 (188-204 by phase)", "188-204"),
        (replace(PLAIN, size=(9, 5), size_min=(7, 5)), "9x5 (7x5-9x5 by phase)", "7-9x5"),
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
def test_a_field_is_written_in_a_few_cells(given: ReceptiveField | None, wide: str, narrow: str) -> None:
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


def net(root: ReceptiveField | None, *others: ReceptiveField) -> Report:
    rows = [nets.layer(str(i), "Conv2d", 1, (1,), field=other) for i, other in enumerate(others)]
    return nets.report("Net", (nets.layer("", "Net", 0, (1,), field=root), *rows))


@pytest.mark.parametrize(
    ("output", "halo"),
    [
        # One 3x3 convolution reads one pixel beyond its own on every side.
        (nets.square(3, 1, -1), "1 on each side of a tile"),
        # A 4x4 window of stride 4 reads its own cell alone.
        (nets.square(4, 4, 0), "0 on each side of a tile"),
        # Reads pixels -1 .. 3 for the cell 0 .. 1.
        (nets.square(5, 2, -1), "1 before and 2 after a tile"),
        (replace(nets.square(204, 1, -100, size_min=188), halo=((101, 99),) * 2), "101 before and 99 after a tile"),
        (replace(nets.square(3, 1, -1), halo=((1, 1), (0, 2))), "1 x 0 before and 2 after a tile"),
        (replace(nets.square(3, 1, -1), status="upper_bound"), "at most 1 on each side of a tile"),
        (
            replace(nets.square(3, 1, -1), status="data_dependent"),
            "none is enough: the output's field depends on the data",
        ),
        (nets.everything(("se", "aten.mean.dim")), "none is enough: se (mean) looks at the whole input"),
        (
            nets.everything(("se", "aten.mean.dim"), 851),
            "none is enough: se (mean) looks at the whole input; without it, 425 before and 394 after a tile",
        ),
        (replace(nets.square(3, 1, -1), status="unknown"), None),
        (None, None),
    ],
)  # fmt: skip
def test_the_tile_halo_is_what_the_field_reaches_beyond_the_output_s_cell(
    output: ReceptiveField | None, halo: str | None
) -> None:
    assert field.halo_text(net(output)) == halo


def test_a_classifier_s_halo_names_the_layer_that_sees_everything() -> None:
    made = net(nets.everything(), nets.square(3, 1, -1), nets.everything())
    assert field.halo_text(made) == "none is enough: 1 (Conv2d) looks at the whole input"


def test_the_first_layer_that_sees_the_whole_input_is_a_leaf() -> None:
    made = net(nets.everything(), nets.square(3, 1, -1), nets.everything(), nets.everything())
    assert field.reach_text(made) == "1 (Conv2d) is the first to see the whole input"
    assert field.reach_text(net(nets.square(3, 1, -1), nets.square(3, 1, -1))) == "none sees the whole input"


def test_a_function_that_sees_the_whole_input_is_called_by_its_name_and_place() -> None:
    made = net(nets.everything(), nets.square(3, 1, -1))
    pooled = nets.function("head", "mean", 1, (1,), (1,), field=nets.everything())
    made = replace(made, layers=(*made.layers, pooled))
    assert field.reach_text(made) == "mean() in head is the first to see the whole input"


def test_nothing_is_said_of_the_first_layer_behind_a_field_that_is_not_known() -> None:
    unknown = replace(nets.everything(), status="unknown")
    made = net(unknown, nets.square(3, 1, -1), unknown, nets.everything())
    assert field.reach_text(made) is None
    assert field.halo_text(made) is None


def test_a_whole_model_in_one_row_is_no_first_layer() -> None:
    assert field.reach_text(net(nets.everything())) is None


def test_each_cause_of_a_global_field_is_told_once() -> None:
    gate = nets.everything(("se", "aten.mean.dim"))
    assert field.causes(net(gate, gate, nets.everything(("", "aten.softmax.int"))).layers) == ["se (mean)", "softmax"]
