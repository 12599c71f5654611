"""The truth about dependence, from the network itself: NaN put into one row of the input, and what becomes NaN."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from convinspect.fields import FieldTracker, spatial_axes

EMPTY = 1 << 39

torch.set_num_threads(1)


class Watch(TorchDispatchMode):
    """Hands every operator that runs to a tracker."""

    def __init__(self, tracker: FieldTracker, path: str = "") -> None:
        super().__init__()
        self.tracker = tracker
        self.path = path

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # noqa: ANN001, ANN204
        del types
        out = func(*args, **(kwargs or {}))
        self.tracker.observe(func, args, kwargs or {}, out, self.path)
        return out


@dataclass
class Hull:
    """First and last index of one input axis that each element of an output depends on; ``lo > hi``: none."""

    lo: np.ndarray
    hi: np.ndarray


def watch(
    function: Callable[[Tensor], Tensor], x: Tensor, axes: tuple[int, ...] | None = None
) -> tuple[Tensor, FieldTracker]:
    """Run ``function`` on ``x`` and follow it."""
    outs, tracker = watch_all(lambda given: [function(given)], x, axes)
    return outs[0], tracker


def watch_all(
    function: Callable[[Tensor], list[Tensor]], x: Tensor, axes: tuple[int, ...] | None = None
) -> tuple[list[Tensor], FieldTracker]:
    """Run a function that returns several tensors, and follow it."""
    tracker = FieldTracker()
    with torch.no_grad(), Watch(tracker):
        tracker.seed(x, "x", spatial_axes(x.shape, x.dtype) if axes is None else axes)
        outs = function(x)
    return outs, tracker


def claimed(tracker: FieldTracker, out: Tensor, *, local: bool = False) -> list[Hull]:
    """Return what the tracker says of every element, by axis."""
    field = tracker.field(out)
    shape = tuple(out.shape)
    if field is None:
        return []
    return [_spread((axis.local if local else axis.strict).array, shape) for axis in field.axes]


def _spread(bounds: np.ndarray, shape: tuple[int, ...]) -> Hull:
    lo, hi = np.broadcast_to(bounds, (2, *shape))
    return Hull(np.where(lo >= EMPTY, EMPTY, lo), np.where(lo >= EMPTY, -EMPTY, -hi))


@contextmanager
def plain_kernels() -> Iterator[None]:
    """Switch oneDNN off: its kernels may skip or add terms. Its switch warns of a device that is not there."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        with torch.backends.mkldnn.flags(enabled=False):
            yield


def true_hulls(function: Callable[[Tensor], Tensor], x: Tensor, axes: tuple[int, ...]) -> list[Hull]:
    """Put NaN into one index of one axis at a time; an element that turns NaN depends on that index."""
    return true_hulls_of_all(lambda given: [function(given)], x, axes)[0]


def true_hulls_of_all(function: Callable[[Tensor], list[Tensor]], x: Tensor, axes: tuple[int, ...]) -> list[list[Hull]]:
    """Do the same for a function that returns several tensors: hulls by tensor, then by axis."""
    with torch.no_grad(), plain_kernels():
        found = [
            [Hull(np.full(tuple(out.shape), EMPTY), np.full(tuple(out.shape), -EMPTY)) for _ in axes]
            for out in function(x.clone())
        ]
        for number, axis in enumerate(axes):
            for index in range(x.shape[axis]):
                poisoned = x.clone()
                poisoned.select(axis, index).fill_(float("nan"))
                for out, hulls in zip(function(poisoned), found, strict=True):
                    touched = out.isnan().numpy()
                    hull = hulls[number]
                    hull.lo[touched] = np.minimum(hull.lo[touched], index)
                    hull.hi[touched] = np.maximum(hull.hi[touched], index)
    return found


def assert_exact(function: Callable[[Tensor], Tensor], x: Tensor, axes: tuple[int, ...] | None = None) -> FieldTracker:
    """Assert that every element, on every axis, depends on exactly what the tracker says."""
    out, tracker = watch(function, x, axes)
    followed = axes if axes is not None else tuple(range(2, x.dim()))
    assert not tracker.unknown_ops, tracker.unknown_ops
    truth = true_hulls(function, x, followed)
    claim = claimed(tracker, out)
    assert len(claim) == len(truth) or all((t.lo == EMPTY).all() for t in truth)
    for axis, mine, real in zip(followed, claim, truth, strict=False):
        assert (mine.lo == real.lo).all(), f"axis {axis}: first index\n{mine.lo}\n{real.lo}"
        assert (mine.hi == real.hi).all(), f"axis {axis}: last index\n{mine.hi}\n{real.hi}"
    return tracker


def assert_inside(function: Callable[[Tensor], Tensor], x: Tensor, status: str) -> None:
    """Assert that the tracker claims ``status``, and of no element less than it depends on."""
    out, tracker = watch(function, x)
    field = tracker.describe(out)
    assert field is not None
    assert field.status == status
    for mine, real in zip(claimed(tracker, out), true_hulls(function, x, tuple(range(2, x.dim()))), strict=True):
        assert (mine.lo <= real.lo).all()
        assert (real.hi <= mine.hi).all()


def randn(*shape: int) -> Tensor:
    """Input of ``shape`` in float64, where a product of finite numbers stays finite."""
    return torch.randn(*shape, dtype=torch.float64)


def prepared(net: nn.Module) -> nn.Module:
    """Put a network into the state that the oracle needs."""
    return net.double().eval()
