"""The examples that people learn from, with their own numbers in the working."""

from __future__ import annotations

import torch
from torch import nn

from sample_models.dynamic_conv import DynamicNet
from sample_models.lenet import LeNet
from sample_models.same_padding import SamePadding
from tests.explain.reports import explained, figure


def image(*shape: int) -> torch.Tensor:
    return torch.zeros(shape)


def test_a_dilated_kernel_spans_and_sees_five() -> None:
    told = explained(nn.Conv2d(1, 1, 3, dilation=2), image(1, 1, 9, 9))
    assert (figure(told, "field", "span").working, figure(told, "field", "span").value) == ("3 + (3-1)*(2-1)", 5)
    assert (figure(told, "field", "size").working, figure(told, "field", "size").value) == ("1 + (3-1)*2*1", 5)


def test_alexnets_first_map_is_55_by_55() -> None:
    step = figure(
        explained(nn.Conv2d(3, 64, 11, stride=4, padding=2), image(1, 3, 224, 224)), "output", "height, width"
    )
    assert step.working == "floor((224 + 2*2 - 1*(11-1) - 1)/4) + 1"
    assert step.value == step.traced == 55


def test_groups_of_one_and_three_have_36_and_12_weights() -> None:
    one = explained(nn.Conv2d(6, 6, 1, bias=False), image(1, 6, 8, 8))
    three = explained(nn.Conv2d(6, 6, 1, groups=3, bias=False), image(1, 6, 8, 8))
    assert (figure(one, "parameters", "weight").working, figure(one, "parameters", "weight").value) == (
        "6 * 6 * 1x1",
        36,
    )
    assert figure(three, "parameters", "weight").working == "6 * 6/3 * 1x1"
    assert figure(three, "parameters", "weight").value == figure(three, "parameters", "weight").traced == 12


def test_a_kernel_over_frames_rows_and_columns() -> None:
    told = explained(nn.Conv3d(3, 5, (4, 7, 7)), image(1, 3, 7, 60, 40))
    assert figure(told, "parameters", "own").traced == 2_945
    assert [figure(told, "output", what).value for what in ("depth", "height", "width")] == [4, 54, 34]
    assert figure(told, "output", "channels").value == 5


def test_padding_and_the_pad_that_equals_it_give_the_same_map_and_field() -> None:
    own = explained(nn.Conv2d(1, 1, 3, padding=(1, 0)), image(1, 1, 9, 9))
    apart = explained(nn.Sequential(nn.ZeroPad2d((0, 0, 1, 1)), nn.Conv2d(1, 1, 3)), image(1, 1, 9, 9))
    for what in ("start height", "start width", "size"):
        assert figure(own, "field", what).value == figure(apart, "field", what).value
    assert figure(apart, "output", "height", 1).working == "1 + 9 + 1"
    assert figure(own, "output", "height").value == figure(apart, "output", "height").value == 9


def test_the_mnist_net_adds_up_and_its_field_grows_as_the_papers_say() -> None:
    told = explained(LeNet().eval(), image(1, 1, 28, 28))
    total = figure(told, "parameters", "total", 0)
    assert (total.working, total.value) == ("260 + 5,020 + 16,050 + 510", 21_840)
    second = next(i for i, row in enumerate(told.rows) if row.path == "conv2")
    size = figure(told, "field", "size", second)
    assert (size.working, size.value, size.traced) == ("6 + (5-1)*2", 14, 14)


def test_same_padding_says_which_side_gets_the_odd_one() -> None:
    told = explained(SamePadding().eval(), image(1, 3, 32, 32))
    pads = [row for row in told.rows if row.type == "pad"]
    # Stride 2: none before, one after. Dilation 2: two on each side.
    assert [row.steps[0].working for row in pads] == ["0 + 32 + 1", "2 + 16 + 2"]
    # A pool that pads itself has it in its own settings: a leaf is one layer.
    pool = next(i for i, row in enumerate(told.rows) if row.path == "pool")
    assert figure(told, "output", "height, width", pool).working == "floor((16 + 0 + 1 - 1*(3-1) - 1)/2) + 1"


def test_a_dynamic_convolution_has_a_group_for_each_sample_of_the_batch() -> None:
    told = explained(DynamicNet().eval(), image(2, 3, 32, 32))
    row = next(i for i, row in enumerate(told.rows) if row.type == "conv2d")
    step = figure(told, "MACs", "own", row)
    assert step.working == "1x32x32x32 outputs * 16/2 * 3x3"
    assert step.value == step.traced == 32 * 32 * 32 * 8 * 9


def test_ceil_mode_drops_a_window_that_begins_in_the_padding() -> None:
    # Five positions, padded to seven: a third window would begin at 5, behind the input.
    step = figure(explained(nn.MaxPool2d(2, 3, 1, ceil_mode=True), image(1, 1, 5, 5)), "output", "height, width")
    assert step.working == "ceil((5 + 2*1 - 1*(2-1) - 1)/3) + 1 - 1"
    assert step.value == step.traced == 2


def test_attention_multiplies_queries_by_keys_and_weights_by_values() -> None:
    told = explained(nn.MultiheadAttention(12, 3, batch_first=True), *[image(2, 5, 12)] * 3)
    assert figure(told, "output", "features", 0).working == "3 heads * 4"
    products = [step for row in told.rows for step in row.steps if row.type == "matmul" and step.topic == "MACs"]
    assert [step.value for step in products if step.value == 2 * 3 * 5 * 5 * 4] == [600, 600]


def test_branches_that_join_see_from_the_first_to_the_last() -> None:
    class Branches(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.wide, self.narrow = nn.Conv2d(1, 1, 5, padding=2), nn.Conv2d(1, 1, 3, padding=1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.cat([self.wide(x), self.narrow(x)], 1)

    step = figure(explained(Branches(), image(1, 1, 9, 9)), "field", "size")
    assert step.value == step.traced == 5


def test_a_layer_of_one_sample_explains_its_memory_as_one_of_a_batch_does() -> None:
    layers = nn.Sequential(nn.Linear(8, 4), nn.ReLU(), nn.Linear(4, 2))
    for shape, made in (((8,), "2"), ((1, 8), "1x2"), ((2, 3, 8), "2x3x2")):
        step = figure(explained(layers, image(*shape)), "memory", "allocated")
        assert (step.working, step.value) == (f"{made} * 4 bytes", image(*shape).numel() // 4 * 4)
