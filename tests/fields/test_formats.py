"""Eager, scripted, exported and meta runs give the same fields, and no tensor is kept alive."""

from __future__ import annotations

import gc
import weakref

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own abbreviation

from convinspect.fields import FieldTracker, spatial_axes
from convinspect.records import ReceptiveField

from .oracle import Watch, watch


class Mixed(nn.Module):
    """Branches, views, in-place writes, a gate and a resize."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, 2, 1)
        self.norm = nn.BatchNorm2d(4)
        self.down = nn.Conv2d(4, 4, 3, padding=1, dilation=1, groups=2)
        self.fc = nn.Conv2d(4, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.norm(self.conv(x)), inplace=True)
        one, two = x.chunk(2, dim=1)
        y = torch.cat([two, one], 1)
        y += self.down(F.max_pool2d(y, 3, 1, 1))
        y[:, 0] = y[:, 1]
        gate = torch.sigmoid(self.fc(y.mean([2, 3], keepdim=True)))
        z = y * gate
        return F.interpolate(z, scale_factor=2.0, mode="nearest") + 1.0


def described(model: nn.Module, x: Tensor) -> ReceptiveField:
    out, tracker = watch(model, x)
    field = tracker.describe(out)
    assert field is not None
    assert not tracker.unknown_ops
    return field


def test_scripted_exported_and_meta_runs_agree_with_eager() -> None:
    model, x = Mixed().eval(), torch.rand(1, 3, 32, 32)
    eager = described(model, x)
    assert eager.status == "global"
    assert eager.local is not None
    with pytest.warns(DeprecationWarning, match="jit"):
        scripted = torch.jit.script(model)
    with torch.jit.optimized_execution(False):  # noqa: FBT003 - torch's own signature
        assert described(scripted, x) == eager
    exported = torch.export.export(model, (x,)).module()
    assert described(exported, x).local == eager.local
    assert described(Mixed().eval().to("meta"), x.to("meta")) == eager


def test_a_device_context_does_not_reach_the_tracker() -> None:
    with torch.device("meta"):
        field = described(Mixed().eval(), torch.rand(1, 3, 32, 32))
    assert field == described(Mixed().eval(), torch.rand(1, 3, 32, 32))


def test_no_tensor_is_kept_alive() -> None:
    tracker = FieldTracker()
    with torch.no_grad(), Watch(tracker):
        x = torch.rand(1, 1, 64)
        tracker.seed(x, "x", spatial_axes(x.shape, x.dtype))
        storage = weakref.ref(x)
        y = F.avg_pool1d(x, 2)
        del x
        gc.collect()
        assert storage() is None
        z = y[..., ::2] * 1
        assert tracker.describe(z).size == (2,)


def test_a_dead_tensor_lends_its_address_to_none() -> None:
    tracker = FieldTracker()
    with torch.no_grad(), Watch(tracker):
        x = torch.rand(1, 1, 8)
        tracker.seed(x, "x", spatial_axes(x.shape, x.dtype))
        for _ in range(2000):
            y = x * 2
            del y
            constant = torch.zeros(1, 1, 8)
            assert tracker.describe(constant) is None


def test_an_inference_mode_run_is_followed_too() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 3, padding="same"), nn.Flatten(2), nn.Linear(64, 2)).eval()
    tracker = FieldTracker()
    with torch.inference_mode(), Watch(tracker):
        x = torch.rand(1, 3, 8, 8)
        tracker.seed(x, "x", spatial_axes(x.shape, x.dtype))
        out = net(x)
    assert not tracker.unknown_ops
    assert tracker.describe(out) is not None


def test_cost_is_linear_in_the_number_of_operators() -> None:
    tracker = FieldTracker()
    with torch.no_grad(), Watch(tracker):
        x = torch.rand(1, 1, 16, device="meta")
        tracker.seed(x, "x", spatial_axes(x.shape, x.dtype))
        weight = torch.rand(1, 1, 3, device="meta")
        for _ in range(10_000):
            x = F.conv1d(x, weight, None, 1, 1)
    field = tracker.describe(x)
    assert field is not None
    assert (field.size, field.start, field.center) == ((20_001,), (-10_000,), ((0, 15),))
