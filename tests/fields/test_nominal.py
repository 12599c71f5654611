"""Nominal fields: equal to the exact ones inside, whatever the phase, and bounded in what they cost."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own abbreviation

from convinspect import inspect
from convinspect.fields.hulls.hull import Map

from .dags import MAKERS, Dag, make_dag
from .oracle import randn, watch, watch_all
from .test_views import CASES, attend, swin, unwindows, windows

# What leaves no trace at a distance from the border but its own windows.
LOCAL = ["conv", "conv again", "pool", "double", "transposed", "chunk", "relu", "cat", "add", "patches", "mixed"]
LENGTH = 240


@pytest.mark.parametrize("seed", range(40))
def test_nominal_equals_exact_inside(seed: int) -> None:
    dag = make_dag(seed, 10, names=LOCAL, shape=(1, 4, LENGTH))
    outs, tracker = watch_all(dag, randn(*dag.shape))
    compared = 0
    for number, out in enumerate(outs):
        field = tracker.field(out)
        if field is None or not isinstance(field.axes[0].nominal, Map):
            continue
        axis, nominal = field.axes[0], field.axes[0].nominal
        length = out.shape[nominal.dim]
        shape = (2, *out.shape)
        claimed = np.broadcast_to(nominal.at(np.arange(length)), shape)
        exact = np.broadcast_to(axis.strict.array, shape)
        # Borders reach as far in as fields are wide.
        inside = (claimed[0] > LENGTH // 3) & (-claimed[1] < LENGTH - LENGTH // 3)
        compared += int(inside.sum())
        assert (claimed[:, inside] == exact[:, inside]).all(), f"step {number} ({dag.steps[number][0]})"
    assert compared


def test_unequal_strides_are_not_aligned_and_the_exact_answer_stands() -> None:
    def function(x: Tensor) -> Tensor:
        coarse = F.avg_pool1d(x, 2)
        return coarse + x[..., : coarse.shape[2]]

    out, tracker = watch(function, torch.rand(1, 1, 12))
    field = tracker.describe(out)
    assert field is not None
    assert field.aligned is False
    assert (field.size, field.jump, field.start) == (None, None, None)
    # Unit 3 of 6: pixels 6 and 7 of the pool, pixel 3 of the slice.
    assert field.center == ((3, 7),)
    assert field.status == "exact"


def test_a_resize_by_seven_fifths_jumps_by_five_sevenths() -> None:
    out, tracker = watch(lambda x: F.interpolate(x, size=28), torch.rand(1, 1, 20))
    field = tracker.describe(out)
    assert field is not None
    assert (field.size, field.jump) == ((1,), ("5/7",))


def test_a_flip_counts_backwards() -> None:
    out, tracker = watch(lambda x: F.conv1d(x.flip(2), torch.ones(1, 1, 3), padding=1), torch.rand(1, 1, 10))
    field = tracker.describe(out)
    assert field is not None
    assert (field.size, field.jump, field.start) == ((3,), (-1,), (8,))


def test_periods_shrink_again() -> None:
    # Up and down again: a map must not remember every phase that it ever had.
    net = nn.Sequential(*(nn.Upsample(scale_factor=2), nn.Conv1d(1, 1, 3, 2, 1)) * 30)
    out, tracker = watch(net, torch.rand(1, 1, 8))
    field = tracker.field(out)
    assert field is not None
    assert isinstance(field.axes[0].nominal, Map)
    assert field.axes[0].nominal.period == 1


def test_a_random_network_is_drawn_the_same_twice() -> None:
    assert [name for name, _ in make_dag(3).steps] == [name for name, _ in make_dag(3).steps]
    assert set(LOCAL) <= set(MAKERS)
    assert isinstance(make_dag(random.Random(1).randrange(99)), Dag)  # noqa: S311 - not for secrets


def test_phases_of_two_and_three_make_six() -> None:
    def function(x: Tensor) -> Tensor:
        return sum(F.interpolate(F.avg_pool1d(x, n), scale_factor=n) for n in (2, 3))

    out, tracker = watch(function, torch.rand(1, 1, 36))
    field = tracker.field(out)
    assert field is not None
    nominal = field.axes[0].nominal
    assert isinstance(nominal, Map)
    assert (nominal.period, nominal.advance) == (6, 6)
    described = tracker.describe(out)
    # Pairs and triples that begin together, overlap by one, or lie in one another: 3, 4 (twice each) or 3.
    assert described is not None
    assert (described.size, described.size_min, described.jump) == ((4,), (3,), (1,))
    assert (nominal.at(np.arange(36)) == field.axes[0].strict.array).all()


@pytest.mark.parametrize(
    "name",
    [
        "tokens",
        "tokens and back",
        "window partition",
        "window attention",
        "patch merging",
        "pixel shuffle",
        "pixel unshuffle",
        "split",
        "select",
        "strided slice",
        "unflatten",
        "merged heads",
        "rotate",
        "squeeze and unsqueeze",
    ],
)
def test_nominal_equals_exact_through_views(name: str) -> None:
    out, tracker = watch(CASES[name], randn(1, 4, 6, 6))
    field = tracker.field(out)
    assert field is not None
    followed = [axis for axis in field.axes if isinstance(axis.nominal, Map)]
    assert len(followed) == (1 if name == "select" else 2)
    for axis in followed:
        nominal = axis.nominal
        assert isinstance(nominal, Map)
        claimed = nominal.at(np.arange(out.shape[nominal.dim]))
        assert (np.broadcast_to(claimed, (2, *out.shape)) == np.broadcast_to(axis.strict.array, (2, *out.shape))).all()


def test_window_attention_is_as_wide_as_its_windows() -> None:
    # Windows of 2x2 patches of 1: unshifted 2 wide; after a shift by one, two windows meet: 4.
    once = watch(lambda x: x + unwindows(attend(windows(x, 2)), 2, 8, 8), randn(1, 4, 8, 8))
    twice = watch(lambda x: swin(x + unwindows(attend(windows(x, 2)), 2, 8, 8)), randn(1, 4, 8, 8))
    sizes = []
    for out, tracker in (once, twice):
        field = tracker.describe(out)
        assert field is not None
        assert (field.status, field.jump, field.aligned) == ("exact", (1, 1), True)
        sizes.append(field.size)
    assert sizes == [(2, 2), (4, 4)]


class Apart(nn.Module):
    """Two convolutions of one input, side by side."""

    def __init__(self, *kernels: int) -> None:
        super().__init__()
        self.paths = nn.ModuleList(nn.Conv2d(3, 3, kernel, padding=kernel // 2) for kernel in kernels)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        return tuple(path(x) for path in self.paths)


class Branches(Apart):
    """Two convolutions whose channels are one tensor."""

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]
        return torch.cat(super().forward(x), 1)


@pytest.mark.parametrize(
    ("net", "by"),
    [
        (Branches(3, 5), "channel"),
        (nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(3, 3, 4, padding=2)), "phase"),
        (nn.Sequential(nn.Upsample(scale_factor=2), Branches(4, 6)), "channel and phase"),
        (nn.Conv2d(3, 3, 3), None),
        (Apart(3, 5), "output"),
        (nn.Sequential(nn.Upsample(scale_factor=2), Apart(4, 6)), "phase and output"),
    ],
)
def test_it_is_said_what_sizes_differ_by(net: nn.Module, by: str | None) -> None:
    report = inspect(net, torch.rand(1, 3, 16, 16))
    found = report.layers[0].receptive_field
    assert found is not None
    assert found.size_by == (by, by)
    assert found.size is not None
    assert (found.size == found.size_min) == (by is None)
    legend = [line for line in str(report.table()).splitlines() if line.startswith("a-b  RF")]
    said = (by or "").replace("phase", "phase after resampling")
    assert [line.rpartition(" differ by ")[2] for line in legend] == ([said] if by else [])
