"""What follows from receptive fields: the first layer that sees everything, and halos of tiles."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from convinspect import inspect
from convinspect.records import GlobalOperator, ReceptiveField
from convinspect.render import Options, field_summary, render
from convinspect.report import Report

from . import nets


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
        (nets.square(5, 2, -1), "1 before and 2 after each tile"),
        (replace(nets.square(204, 1, -100, size_min=188), halo=((101, 99),) * 2), "101 before and 99 after each tile"),
        (
            replace(nets.square(3, 1, -1), halo=((1, 1), (0, 2))),
            "axis 2: 1 on each side of a tile; axis 3: 0 before and 2 after each tile",
        ),
        (
            replace(nets.square(3, 1, -1), axes=(2, 3, 4), halo=((0, 0), (0, 1), (0, 1))),
            "axis 2: 0; axes 3, 4: 0 before and 1 after each tile",
        ),
        (replace(nets.square(3, 1, -1), halo=((1, 1), None)), None),
        (replace(nets.square(3, 1, -1), status="upper_bound"), "at most 1 on each side of a tile"),
        (
            replace(nets.square(3, 1, -1), status="data_dependent"),
            "none is enough: the output's field depends on the data",
        ),
        (nets.everything(("se", "aten.mean.dim")), "none is enough: se (mean) looks at the whole input"),
        (
            nets.everything(("se", "aten.mean.dim"), 851),
            "none is enough: se (mean) looks at the whole input; without it, 425 before and 394 after each tile",
        ),
        (
            replace(
                nets.square(3, 1, -1),
                halo=((2, 2), None),
                status="global",
                axis_status=("exact", "global"),
                axis_global_via=(None, GlobalOperator("along", "aten.addmm.default")),
            ),
            "axis 2: 2 on each side of a tile; axis 3: none is enough, along (addmm) looks at all of it",
        ),
        (replace(nets.square(3, 1, -1), status="unknown"), None),
        (None, None),
    ],
)  # fmt: skip
def test_the_tile_halo_is_what_the_field_reaches_beyond_the_output_s_cell(
    output: ReceptiveField | None, halo: str | None
) -> None:
    assert field_summary.halo_text(net(output)) == halo


def test_a_halo_that_is_not_enough_names_the_layer_that_sees_everything() -> None:
    made = net(nets.everything(), nets.square(3, 1, -1), nets.everything())
    image = replace(made.layers[0], outputs=(nets.fact((1, 8, 1, 1)),))
    made = replace(made, layers=(image, *made.layers[1:]))
    assert field_summary.halo_text(made) == "none is enough: 1 (Conv2d) looks at the whole input"


def test_a_vector_has_no_axes_to_cut_tiles_along() -> None:
    # The centre unit need not see everything: a view's units see one corner each.
    assert field_summary.halo_text(net(nets.flattened(16))) == "none is enough: the output has no spatial axes"


def test_the_first_layer_that_sees_the_whole_input_is_a_leaf() -> None:
    made = net(nets.everything(), nets.square(3, 1, -1), nets.everything(), nets.everything())
    assert field_summary.whole_input_text(made) == "the centre unit of 1 (Conv2d) is the first to see the whole input"
    assert (
        field_summary.whole_input_text(net(nets.square(3, 1, -1), nets.square(3, 1, -1)))
        == "no layer's centre unit sees the whole input"
    )


def test_a_function_that_sees_the_whole_input_is_called_by_its_name_and_place() -> None:
    made = net(nets.everything(), nets.square(3, 1, -1))
    pooled = nets.function("head", "mean", 1, (1,), (1,), field=nets.everything())
    made = replace(made, layers=(*made.layers, pooled))
    assert (
        field_summary.whole_input_text(made) == "the centre unit of mean() in head is the first to see the whole input"
    )


def test_nothing_is_said_of_the_first_layer_behind_a_field_that_is_not_known() -> None:
    unknown = replace(nets.everything(), status="unknown")
    made = net(unknown, nets.square(3, 1, -1), unknown, nets.everything())
    assert field_summary.whole_input_text(made) is None
    assert field_summary.halo_text(made) is None


def test_a_whole_model_in_one_row_is_no_first_layer() -> None:
    assert field_summary.whole_input_text(net(nets.everything())) is None


def test_each_cause_of_a_global_field_is_told_once() -> None:
    gate = nets.everything(("se", "aten.mean.dim"))
    assert field_summary.causes(net(gate, gate, nets.everything(("", "aten.softmax.int"))).layers) == [
        "se (mean)",
        "softmax()",
    ]


def test_what_is_global_along_one_axis_is_said_of_that_axis() -> None:
    class Along(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.linear = nn.Conv2d(1, 2, 3, padding=1), nn.Linear(16, 16)

        def forward(self, x: Tensor) -> Tensor:
            return self.linear(self.conv(x))

    report = inspect(Along(), (torch.rand(1, 1, 16, 16),), optimizer=None)
    assert field_summary.halo_text(report) == (
        "axis 2: 1 on each side of a tile; axis 3: none is enough, linear (addmm) looks at all of it"
    )
    page = render(report, "table", options=Options(width=100, verbose=True))
    assert "all  RF: the whole input along axis 3, through linear (addmm)" in page
