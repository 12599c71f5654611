"""The input box of one unit, and how much of it is padding."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from convinspect.errors import UsageError

from .oracle import watch


def test_a_corner_unit_sees_padding() -> None:
    net = nn.Sequential(nn.Conv2d(1, 1, 3, padding=1), nn.MaxPool2d(2))
    out, tracker = watch(net, torch.rand(1, 1, 8, 8))
    unit = tracker.unit(out, (0, 2))
    assert unit is not None
    assert unit.nominal == ((-1, 2), (3, 6))
    assert unit.box == ((0, 2), (3, 6))
    # 4 x 4 cells, one row of 4 of them above the image.
    assert (unit.cells, unit.padding_cells) == (16, 4)


def test_a_global_unit_has_no_nominal_box() -> None:
    out, tracker = watch(lambda x: x * x.mean((2, 3), keepdim=True), torch.rand(1, 1, 4, 4))
    unit = tracker.unit(out, (1, 1))
    assert unit is not None
    assert (unit.box, unit.nominal, unit.cells) == (((0, 3), (0, 3)), (None, None), None)


@pytest.mark.parametrize("index", [(0,), (0, 8), (0, -1), (0, 0, 0)])
def test_an_index_that_is_not_there_is_an_error(index: tuple[int, ...]) -> None:
    out, tracker = watch(nn.Conv2d(1, 1, 3, padding=1), torch.rand(1, 1, 8, 8))
    with pytest.raises(UsageError, match=r"no unit .*: its output has the units 0\.\.7, 0\.\.7"):
        tracker.unit(out, index)


def test_a_constant_has_no_unit() -> None:
    out, tracker = watch(torch.zeros_like, torch.rand(1, 1, 8, 8))
    assert tracker.unit(out, (0, 0)) is None
