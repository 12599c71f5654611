"""What a tracker says of plain networks, and what it refuses."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from convinspect.errors import UsageError
from convinspect.fields import FieldTracker, spatial_axes

from .oracle import watch


def test_a_convolution_and_a_pool_add_up() -> None:
    # 7 + (3 - 1) * 2 = 11 wide, 2 * 2 apart, starting 3 + 1 * 2 before the input
    net = nn.Sequential(
        nn.Conv2d(3, 8, 7, 2, 3), nn.BatchNorm2d(8), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)
    ).eval()
    out, tracker = watch(net, torch.zeros(1, 3, 32, 32))
    field = tracker.describe(out)
    assert field is not None
    assert (field.size, field.jump, field.start) == ((11, 11), (4, 4), (-5, -5))
    assert field.center == ((11, 21), (11, 21))
    assert field.coverage == (11 / 32, 11 / 32)
    assert field.status == "exact"


def test_after_a_flattening_linear_only_center_and_coverage_are_left() -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(2 * 6 * 6, 4))
    out, tracker = watch(net, torch.zeros(1, 1, 8, 8))
    field = tracker.describe(out)
    assert field is not None
    assert (field.size, field.jump, field.start, field.local) == (None, None, None, None)
    assert field.center == ((0, 7), (0, 7))
    assert field.status == "exact"


@pytest.mark.parametrize(
    ("shape", "dtype", "batched", "axes"),
    [
        ((1, 3, 8, 8), torch.float32, True, (2, 3)),
        ((3, 8, 8), torch.float32, False, (1, 2)),
        ((1, 3, 8), torch.float32, True, (2,)),
        ((1, 8), torch.float32, True, ()),
        ((1, 8), torch.int64, True, (1,)),
        ((8,), torch.int64, False, (0,)),
    ],
)
def test_axes_after_batch_and_channels_are_followed(shape, dtype, batched, axes) -> None:  # noqa: ANN001
    assert spatial_axes(shape, dtype, batched=batched) == axes


def test_a_constant_has_no_field() -> None:
    out, tracker = watch(torch.zeros_like, torch.zeros(1, 1, 4, 4))
    assert tracker.describe(out) is None


def test_nothing_seeded_nothing_said() -> None:
    assert FieldTracker().describe(torch.zeros(3)) is None


def test_an_axis_that_is_not_there_is_an_error() -> None:
    with pytest.raises(UsageError, match="no axis 4"):
        FieldTracker().seed(torch.zeros(1, 1, 4, 4), "x", (4,))
