"""Norms whose weight, bias or statistics depend on the input themselves."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own abbreviation

from .oracle import assert_exact, claimed, randn, watch

ONES = torch.ones(2, 3, 4, 4, dtype=torch.float64).cumsum(-1)
CASES: dict[str, Callable[[Tensor], Tensor]] = {
    "layer norm's weight": lambda x: F.layer_norm(x, (4,), weight=x[0, 0, 0]),
    "layer norm's bias": lambda x: F.layer_norm(ONES, (4,), bias=x[0, 0, 0]),
    "layer norm's weight over an image": lambda x: F.layer_norm(ONES, (4, 4), weight=x[0, 1].roll(1, 0)),
    "rms norm's weight": lambda x: F.rms_norm(ONES, (4,), weight=x[0, 0, 1]),
    "group norm's weight": lambda x: F.group_norm(ONES, 1, weight=x[0, :, 1, 2]),
    "group norm's bias": lambda x: F.group_norm(x, 3, bias=x[0, :, 1, 2]),
    "instance norm's bias": lambda x: F.instance_norm(ONES, bias=x[0, :, 1, 2]),
    "batch norm's statistics": lambda x: F.batch_norm(x, x.mean((0, 2, 3)), x.var((0, 2, 3))),
    "batch norm's mean": lambda x: F.batch_norm(x, x[0, :, 1, 2], torch.ones(3, dtype=x.dtype)),
    "batch norm's variance": lambda x: F.batch_norm(ONES, torch.zeros(3, dtype=x.dtype), x[0, :, 1, 2].exp()),
    "batch norm's bias": lambda x: F.batch_norm(ONES, None, None, bias=x[0, :, 1, 2], training=True),
    "batch norm of vectors": lambda x: F.batch_norm(ONES[:, :, 0, 0], x[0, :, 0, 1], x[0, :, 0, 1].exp()),
}


@pytest.mark.parametrize("name", list(CASES))
def test_every_element(name: str) -> None:
    x = randn(2, 3, 4, 4)
    out, tracker = watch(CASES[name], x)
    assert tracker.describe(out) is not None
    assert_exact(CASES[name], x)


def test_statistics_of_the_batch_make_a_batch_norm_global_and_leave_the_local_field() -> None:
    out, tracker = watch(CASES["batch norm's statistics"], randn(2, 3, 4, 4))
    field = tracker.describe(out)
    assert field is not None
    assert (field.status, field.center) == ("global", ((0, 3), (0, 3)))
    assert field.local is not None
    assert field.local.size == (1, 1)


@pytest.mark.parametrize("dim", [0, 1, -1])
def test_renorm_divides_a_slice_by_all_of_it(dim: int) -> None:
    """By derivatives: a norm that is NaN is larger than none, and divides nothing."""
    net = torch.nn.Conv2d(2, 2, (1, 3), padding=(0, 1)).double()

    def function(x: Tensor) -> Tensor:
        return torch.renorm(net(x)[0], 2, dim, 1e-3)

    x = randn(1, 2, 3, 5)
    derivatives = torch.autograd.functional.jacobian(function, x)[:, :, :, 0].abs().sum(3)  # over channels read
    out, tracker = watch(function, x)
    for number, along in enumerate((derivatives.sum(4), derivatives.sum(3))):
        lo = (along > 0).int().argmax(-1)
        hi = along.shape[-1] - 1 - (along > 0).flip(-1).int().argmax(-1)
        mine = claimed(tracker, out)[number]
        assert (mine.lo == lo.numpy()).all()
        assert (mine.hi == hi.numpy()).all()
    field = tracker.describe(out)
    assert field is not None
    assert (field.status, field.center) == ("global", ((0, 2), (0, 4)) if dim == 0 else field.center)
